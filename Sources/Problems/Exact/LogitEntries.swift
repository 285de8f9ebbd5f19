import LinearAlgebra
import PathAttention

extension LogitTable {
  /// The entries on and below the diagonals, row after row, table after table.
  public var lowerEntries: [S] {
    (0..<segments).flatMap { segment in
      (0..<queryHeads).flatMap { head in
        let table = self[segment, head]
        return (0..<table.rows).flatMap { i in (0...i).map { table[i, $0] } }
      }
    }
  }
}
