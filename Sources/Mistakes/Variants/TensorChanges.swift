import LinearAlgebra
import NumberFormats
import PathAttention

/// A mistake in an input as a whole, before the program sees it.
enum InputChange: Sendable {
  /// β ← min(β, limit)
  case clippedβ(Double)
  /// w ← w / √(‖w‖² + ε)
  case normalisedW(ε: Double)
  /// Values read as if they had the lanes of keys.
  case valuesWithKeyStride

  var isPolynomial: Bool {
    switch self {
    case .clippedβ, .normalisedW: false
    case .valuesWithKeyStride: true
    }
  }

  package func apply(to inputs: AttentionInputs<Double>) throws(AttentionError) -> AttentionInputs<Double> {
    var (v, w, beta) = (inputs.v.entries, inputs.w.entries, inputs.beta.entries)
    switch self {
    case .clippedβ(let limit): beta = beta.map { min($0, limit) }
    case .normalisedW(let ε):
      let lengths = Self.lengths(inputs, ε)
      w = w.enumerated().map { $1 / lengths[$0 / inputs.shape.keyDim] }
    case .valuesWithKeyStride:
      let entries = v
      v = Self.keyStride(inputs.shape).map { $0 < entries.count ? entries[$0] : 0 }
    }
    return try AttentionInputs(
      shape: inputs.shape, q: inputs.q.entries, k: inputs.k.entries, v: v, w: w, beta: beta, g: inputs.g?.entries,
      segmentBoundaries: inputs.segmentBoundaries)
  }

  /// From gradients of the changed inputs to those of the inputs.
  package func pullBack(_ tensors: inout [AttentionTensor: [Double]], to inputs: AttentionInputs<Double>) {
    switch self {
    case .clippedβ(let limit):
      tensors[.dbeta] = tensors[.dbeta].map { zip($0, inputs.beta.entries).map { $1 > limit ? 0 : $0 } }
    case .normalisedW(let ε):
      guard let gradient = tensors[.dw] else { return }
      let (d, w, lengths) = (inputs.shape.keyDim, inputs.w.entries, Self.lengths(inputs, ε))
      tensors[.dw] = lengths.indices.flatMap { row -> [Double] in
        let lanes = row * d..<(row + 1) * d
        let along = lanes.reduce(0) { $0 + w[$1] * gradient[$1] }
        return lanes.map { (gradient[$0] - along * w[$0] / (lengths[row] * lengths[row])) / lengths[row] }
      }
    case .valuesWithKeyStride:
      guard let gradient = tensors[.dv] else { return }
      var result = [Double](repeating: 0, count: gradient.count)
      for (index, source) in Self.keyStride(inputs.shape).enumerated() where source < result.count {
        result[source] += gradient[index]
      }
      tensors[.dv] = result
    }
  }

  /// √(‖w‖² + ε) of every token and head.
  private static func lengths(_ inputs: AttentionInputs<Double>, _ ε: Double) -> [Double] {
    let (d, w) = (inputs.shape.keyDim, inputs.w.entries)
    return (0..<w.count / d).map { row in
      (row * d..<(row + 1) * d).reduce(ε) { $0 + w[$1] * w[$1] }.squareRoot()
    }
  }

  /// Where each entry of v is looked for in memory by a kernel that steps from token to token by H · K instead of H · V.
  fileprivate static func keyStride(_ shape: AttentionShape) -> [Int] {
    let V = shape.valueDim
    return (0..<shape.tokens * shape.heads * V).map { $0 / V * shape.keyDim + $0 % V }
  }
}

/// A mistake in what is written out, after the program.
enum OutputChange: Sendable {
  /// dv written as if it had the lanes of keys.
  case valueGradientWithKeyStride
  /// Gradients rounded to a format.
  case roundedGradients(NumberFormat)

  package func apply(to tensors: inout [AttentionTensor: [Double]], of shape: AttentionShape) {
    switch self {
    case .valueGradientWithKeyStride:
      guard let gradient = tensors[.dv] else { return }
      var written = [Double](repeating: 0, count: gradient.count)
      for (index, target) in InputChange.keyStride(shape).enumerated() where target < written.count {
        written[target] = gradient[index]
      }
      tensors[.dv] = written
    case .roundedGradients(let format):
      for tensor in tensors.keys where tensor.isGradient { tensors[tensor] = tensors[tensor]!.map(format.round) }
    }
  }
}
