import LinearAlgebra
import PathAttention

extension AttentionCase {
  /// What the outputs and, with a cotangent, the gradients are when they are rounded. Rows that are not wanted are zero.
  ///
  /// - Parameters:
  ///   - blockSize: Rows per block of the kernel.
  ///   - rounding: How it rounds.
  public func evaluate(
    blockSize: Int, _ rounding: EmulatedRounding
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    try evaluate(blockSize: blockSize, rounding) { $0 }
  }

  /// The same from inputs that are off by their last digits, with outputs that are before the backward pass reads them.
  package func evaluate(
    blockSize: Int, _ rounding: EmulatedRounding, lastDigits: inout LastDigits
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    try lastDigits.moved(self).evaluate(blockSize: blockSize, rounding) { lastDigits.moved($0) }
  }

  private func evaluate(
    blockSize: Int, _ rounding: EmulatedRounding, readBack: ([Double]) -> [Double]
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    let execution = AttentionExecution(form: .blockwise(blockSize: blockSize, levels: 0))
    let outputs = try attention(inputs, function, execution, queryTokens: queryTokens, rounding: rounding)
    var tensors = wanted([.o: outputs.o.entries, .lse: outputs.lse.entries])
    if let outputCotangent {
      let gradients = try attentionGradients(
        of: inputs, outputs: try outputs.withOutputs(readBack(outputs.o.entries), inputs),
        outputCotangent: outputCotangent, execution, rounding: rounding)
      for (tensor, gradient) in gradients.tensors { tensors[tensor] = gradient.entries }
    }
    return tensors
  }

  /// The outputs with zeros in the rows that are not wanted.
  package func wanted(_ outputs: [AttentionTensor: [Double]]) -> [AttentionTensor: [Double]] {
    guard let queryTokens else { return outputs }
    let tokens = Set(queryTokens)
    return Dictionary(
      uniqueKeysWithValues: outputs.map { ($0, inputs.shape.zeroed($1, of: $0, outside: tokens)) })
  }
}

extension AttentionShape {
  /// Entries of a tensor with zeros in the rows of all tokens but some.
  package func zeroed(_ entries: [Double], of tensor: AttentionTensor, outside tokens: Set<Int>) -> [Double] {
    let (heads, lanes) = layout(of: tensor)
    let width = heads * (lanes ?? 1)
    return entries.indices.map { tokens.contains($0 / width) ? entries[$0] : 0 }
  }
}
