import LinearAlgebra
import PathAttention
import Problems

extension Variant {
  /// The logits of the variant in the layout of `Stage.logits`: −∞ where it does not see a key that it should, +∞ where it
  /// sees one that it should not.
  package func logits(_ attentionCase: AttentionCase, blockSize: Int) throws(AttentionError) -> [Double] {
    let inputs = try inputChange?.apply(to: attentionCase.inputs) ?? attentionCase.inputs
    let shape = inputs.shape
    let scale = attentionCase.function.scale
    let logits = Matrix<Double>(rows: shape.tokens, columns: shape.queryHeads * shape.length)
    for segment in inputs.segments {
      for token in segment {
        for head in 0..<shape.queryHeads {
          let start = head * shape.length + segment.lowerBound % shape.length
          for lane in start..<start + token - segment.lowerBound + 1 { logits.mutableView[token, lane] = -.infinity }
        }
      }
    }
    let gradients = InputGradients(inputs)
    for unit in choices.units(of: inputs, blockSize: blockSize) {
      let head = HeadProgram(
        inputs, unit, choices: choices, blockSize: blockSize, scale: scale, attentionCase.function.gate,
        gradients: gradients, isDifferentiated: false)
      for token in unit.kept {
        let row = token - unit.tokens.lowerBound
        for column in head.visible[row] {
          let lane = unit.queryHead * shape.length + (unit.tokens.lowerBound + column) % shape.length
          logits.mutableView[token, lane] =
            logits[token, lane] == -.infinity ? head.logits.value[row, column] : .infinity
        }
      }
    }
    return logits.entries
  }
}
