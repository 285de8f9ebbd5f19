import PathAttention

/// How far every row (token × head) of one tensor of a candidate is from the reference, in multiples of the envelope.
///
/// It is kept apart from `CrossCheckReport`, which is short.
public struct ErrorMap: Sendable {
  /// The tensor.
  public let tensor: AttentionTensor
  /// Sequences.
  public let batch: Int
  /// Tokens per sequence.
  public let length: Int
  /// Heads of the tensor.
  public let heads: Int
  /// First tokens of the segments, over the whole batch, but for those of sequences.
  public let boundaries: [Int]
  /// The multiples, [batch, length, heads]; nil where a row is not judged.
  public let multiples: [Double?]

  /// The multiples of one token of every sequence and head that is judged.
  func multiples(token: Int) -> [Double] {
    (0..<batch).flatMap { sequence in
      let start = (sequence * length + token) * heads
      return multiples[start..<start + heads].compactMap { $0 }
    }
  }
}

extension ErrorMap {
  init(
    _ tensor: AttentionTensor, _ inputs: AttentionInputs<Double>, envelope: TensorEnvelope, multiples: [Double]
  ) {
    self.tensor = tensor
    (batch, length) = (inputs.shape.batch, inputs.shape.length)
    heads = inputs.shape.layout(of: tensor).heads
    boundaries = inputs.segments.map(\.lowerBound).filter { [length] in length > 0 && $0 % length != 0 }
    self.multiples = zip(envelope.rows, multiples).map { $0.isFinite ? $1 : nil }
  }
}

/// A report with what is too long for it.
public struct DetailedCrossCheck: Sendable {
  /// The report.
  public let report: CrossCheckReport
  /// One map for every tensor of the candidate.
  public let maps: [ErrorMap]
}
