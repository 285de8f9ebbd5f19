import LinearAlgebra
import PathAttention
import Problems

/// What stages should be, or what they are in a kernel that rounds.
struct StageValues {
  private let attentionCase: AttentionCase
  private let blockSize: Int
  /// A row for every token.
  private let matrices: [Stage: Matrix<Double>]

  /// Evaluates some stages, in blocks of a size.
  ///
  /// - Parameters:
  ///   - attentionCase: The problem.
  ///   - rounding: How a kernel rounds; the reference in Float64 when nil.
  /// - Complexity: O(L (d + B)²) for each query head, and for the logits a form and O(L²) memory.
  init(
    _ stages: some Collection<Stage>, _ attentionCase: AttentionCase, blockSize: Int, rounding: EmulatedRounding?
  ) throws(AttentionError) {
    let (inputs, shape) = (attentionCase.inputs, attentionCase.inputs.shape)
    self.attentionCase = attentionCase
    self.blockSize = blockSize
    matrices = Dictionary(
      uniqueKeysWithValues: stages.map { stage in
        let layout = stage.layout(attentionCase.inputs, blockSize: blockSize)
        return (stage, Matrix(rows: shape.tokens, columns: layout.heads * layout.lanes!))
      })
    if stages.contains(.logits) { try writeLogits(rounding) }
    guard stages.contains(where: { $0 != .logits }) else { return }
    // The key side is the same for all query heads of a group.
    let step = stages.contains(.Q̃) ? 1 : shape.groupSize
    for (index, segment) in inputs.segments.enumerated() where !segment.isEmpty {
      for queryHead in stride(from: 0, to: shape.queryHeads, by: step) {
        let blocks =
          if let rounding {
            try blockIntermediates(
              inputs, segment: index, queryHead: queryHead, blockSize: blockSize, rounding: rounding)
          } else {
            try blockIntermediates(inputs, segment: index, queryHead: queryHead, blockSize: blockSize)
          }
        for block in blocks { write(block, segment, queryHead) }
      }
    }
  }

  /// The entries of a stage that was asked for, in the order of memory.
  subscript(stage: Stage) -> [Double] { matrices[stage]!.entries }

  private func write(_ block: BlockIntermediates<Double>, _ segment: Range<Int>, _ queryHead: Int) {
    let tokens = segment.lowerBound + block.range.lowerBound..<segment.lowerBound + block.range.upperBound
    func write(_ stage: Stage, _ values: Matrix<Double>) { self.write(values, stage, tokens, queryHead, lane: 0) }
    write(.inverse, block.inverse)
    write(.T, block.T)
    write(.U, block.U)
    write(.K̂, block.K̂)
    write(.Q̃, block.Q̃)
  }

  private func writeLogits(_ rounding: EmulatedRounding?) throws(AttentionError) {
    let (inputs, shape, function) = (attentionCase.inputs, attentionCase.inputs.shape, attentionCase.function)
    let table =
      if let rounding {
        try PathAttention.logits(
          inputs, function, form: .blockwise(blockSize: blockSize, levels: 0), rounding: rounding)
      } else {
        try PathAttention.logits(inputs, function, form: .sequentialProduct)
      }
    for (index, segment) in inputs.segments.enumerated() where !segment.isEmpty {
      for queryHead in 0..<shape.queryHeads {
        write(table[index, queryHead], .logits, segment, queryHead, lane: segment.lowerBound % shape.length)
      }
    }
  }

  /// Copies values into the rows of some tokens, from a lane on.
  private func write(_ values: Matrix<Double>, _ stage: Stage, _ tokens: Range<Int>, _ queryHead: Int, lane: Int) {
    guard let matrix = matrices[stage] else { return }
    let shape = attentionCase.inputs.shape
    let layout = stage.layout(attentionCase.inputs, blockSize: blockSize)
    let head = layout.groupSize == nil ? queryHead / shape.groupSize : queryHead
    let start = head * layout.lanes! + lane
    assign(values, to: matrix.mutableView.rows(tokens).columns(start..<start + values.columns))
  }
}
