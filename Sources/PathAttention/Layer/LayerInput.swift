import LinearAlgebra

/// The tokens that a layer is given: a batch of sequences of one length, or packed sequences.
public struct LayerInput<S: Scalar>: Sendable {
  /// The number of sequences, B.
  public let batch: Int
  /// Tokens per sequence, T.
  public let length: Int
  /// First tokens of packed sequences and the end of the last, if sequences are packed.
  public let segmentBoundaries: [Int]?
  /// The tokens of each sequence.
  public let segments: [Range<Int>]
  /// One row for each token, (B · T) × hidden.
  public let x: Matrix<S>

  /// Tokens from entries in the order of memory.
  ///
  /// - Parameters:
  ///   - batch: The number of sequences.
  ///   - length: Tokens per sequence.
  ///   - hiddenSize: The width of x.
  ///   - x: [B, T, hidden].
  ///   - segmentBoundaries: For packed sequences, as for `AttentionInputs`.
  /// - Throws: `AttentionError` naming the first argument that does not fit.
  public init(
    batch: Int = 1, length: Int, hiddenSize: Int, x: [S], segmentBoundaries: [Int]? = nil
  ) throws(AttentionError) {
    try validateSequences(batch: batch, length: length)
    guard hiddenSize >= 1 else { throw .size(name: "hiddenSize", found: hiddenSize) }
    let expected = [batch, length, hiddenSize].reduce(1) { count, size in
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
      return isTooLarge ? .max : product
    }
    guard x.count == expected else { throw .count(tensor: "x", expected: expected, found: x.count) }
    segments = try PathAttention.segments(batch: batch, length: length, boundaries: segmentBoundaries)
    self.batch = batch
    self.length = length
    self.segmentBoundaries = segmentBoundaries
    self.x = Matrix(rows: batch * length, columns: hiddenSize, entries: x)
  }
}
