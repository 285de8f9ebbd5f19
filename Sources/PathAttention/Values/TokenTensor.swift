import LinearAlgebra

/// A tensor with a row of `heads · lanes` numbers for every token: `[B, T, heads, lanes]`, or `[B, T, heads]` with one lane.
///
/// It is kept as the (B·T) × (heads·lanes) matrix that it is in memory, so one head of one segment is a window of it and
/// nothing is ever copied or transposed.
public struct TokenTensor<S: Scalar>: Sendable {
  /// The entries, one row per token.
  public let matrix: Matrix<S>
  /// Numbers per token and head.
  public let lanes: Int

  /// Zeros.
  init(_ tensor: AttentionTensor, _ shape: AttentionShape) {
    let layout = shape.layout(of: tensor)
    lanes = layout.lanes ?? 1
    matrix = Matrix(rows: shape.tokens, columns: layout.heads * lanes)
  }

  /// Given entries, in the order of memory.
  ///
  /// - Throws: `AttentionError.count` when there are too few or too many.
  public init(_ tensor: AttentionTensor, _ shape: AttentionShape, _ entries: [S]) throws(AttentionError) {
    let layout = shape.layout(of: tensor)
    lanes = layout.lanes ?? 1
    let columns = layout.heads * lanes
    guard entries.count == shape.tokens * columns else {
      throw .count(tensor: tensor.rawValue, expected: shape.tokens * columns, found: entries.count)
    }
    matrix = Matrix(rows: shape.tokens, columns: columns, entries: entries)
  }

  /// The entries in the order of memory.
  public var entries: [S] { matrix.entries }

  /// One head of the tokens of a segment, tokens × lanes.
  public func window(_ tokens: Range<Int>, head: Int) -> MatrixView<S> { mutableWindow(tokens, head: head).view }

  /// The same, to be written.
  func mutableWindow(_ tokens: Range<Int>, head: Int) -> MutableMatrixView<S> {
    matrix.mutableView.rows(tokens).columns(head * lanes..<(head + 1) * lanes)
  }
}
