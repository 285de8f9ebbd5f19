import LinearAlgebra

/// A lower triangular matrix for every segment and query head of a problem: logits, or a cotangent of them.
public struct LogitTable<S: Scalar>: Sendable {
  private let tables: [Matrix<S>]
  /// The number of query heads.
  public let queryHeads: Int
  /// The number of segments.
  public let segments: Int

  /// Zeros, in the shape that the inputs need.
  public init(_ inputs: AttentionInputs<S>) {
    queryHeads = inputs.shape.queryHeads
    segments = inputs.segments.count
    tables = inputs.segments.flatMap { segment in
      (0..<inputs.shape.queryHeads).map { _ in Matrix(rows: segment.count, columns: segment.count) }
    }
  }

  private init(tables: [Matrix<S>], queryHeads: Int, segments: Int) {
    self.tables = tables
    self.queryHeads = queryHeads
    self.segments = segments
  }

  /// The table of one query head in one segment, L × L. It can be written to.
  public subscript(segment: Int, queryHead: Int) -> Matrix<S> { tables[segment * queryHeads + queryHead] }

  /// The entries on and below the diagonals, row after row, table after table.
  public var lowerEntries: [S] {
    (0..<segments).flatMap { segment in
      (0..<queryHeads).flatMap { head in
        let table = self[segment, head]
        return (0..<table.rows).flatMap { i in (0...i).map { table[i, $0] } }
      }
    }
  }

  /// A table of the same shape, made from the entries on and below the diagonals, row after row.
  public func map<R: Scalar>(_ transform: (S) -> R) -> LogitTable<R> {
    let mapped = tables.map { table in
      let copy = Matrix<R>(rows: table.rows, columns: table.columns)
      for i in 0..<table.rows {
        for j in 0...i { copy.mutableView[i, j] = transform(table[i, j]) }
      }
      return copy
    }
    return LogitTable<R>(tables: mapped, queryHeads: queryHeads, segments: segments)
  }
}
