import LinearAlgebra

/// The causal softmax of one query head over the tiles of its logits, with the product by V: o_i = Σ_j P_ij v_j.
///
/// For each row it keeps a pivot m, the sum l = Σ exp(s − m) and O = Σ exp(s − m) v over the keys seen so far. A tile that
/// raises m rescales l and O by exp(m_old − m_new) (Milakov and Gimelshein 2018). The tiles of a row may come in any order.
final class OnlineSoftmax<S: SoftmaxScalar>: LogitVisitor {
  private let map: LogitMap<S>
  private let V: MatrixView<S>
  private let O: MutableMatrixView<S>
  private let lse: MutableMatrixView<S>
  private let rows: SoftmaxRows<S>
  private var seen: [Bool]

  /// - Parameters:
  ///   - V: The values of the segment, L × d_v.
  ///   - O: Where the outputs of the segment go, L × d_v, zero.
  ///   - lse: Where the log-sum-exp of each row goes, L × 1.
  ///   - rows: Where m and l go.
  init(
    _ map: LogitMap<S>, V: MatrixView<S>, O: MutableMatrixView<S>, lse: MutableMatrixView<S>, rows: SoftmaxRows<S>
  ) {
    self.map = map
    self.V = V
    self.O = O
    self.lse = lse
    self.rows = rows
    seen = Array(repeating: false, count: V.rows)
  }

  func visit(_ tile: MutableMatrixView<S>, row: Int, column: Int) {
    for r in 0..<tile.rows {
      let i = row + r
      let entries = tile.row(r)
      let count = causalCount(tile, row: row, column: column, r)
      let logits = UnsafeMutableBufferPointer(rebasing: entries[..<count])
      map.apply(to: logits, query: i, column: column)

      var m = seen[i] ? rows.pivot[0, i] : logits[0]
      for j in 0..<count { m = S.pivot(m, logits[j]) }
      if seen[i] {
        let rescale = S.exponential(rows.pivot[0, i], minus: m)
        rows.sum.mutableView[0, i] *= rescale
        let o = O.row(i)
        for lane in 0..<o.count { o[lane] *= rescale }
      }
      rows.sum.mutableView[0, i] += S.exponentiate(logits, minus: m)
      rows.pivot.mutableView[0, i] = m
      seen[i] = true
      for j in count..<entries.count { entries[j] = .zero }
    }
    addProduct(tile, V.rows(column..<column + tile.columns), to: O.rows(row..<row + tile.rows))
  }

  /// O ← O / l, once every tile has been visited; and the log-sum-exp of each row.
  func finish() {
    for i in 0..<O.rows {
      let l = rows.sum[0, i]
      let o = O.row(i)
      for lane in 0..<o.count { o[lane] = o[lane] / l }
      lse[i, 0] = S.logSumExp(pivot: rows.pivot[0, i], sum: l)
    }
  }
}

/// The pivot m and the sum l = Σ exp(s − m) of each row of one query head in one segment. The backward pass recomputes
/// P = exp(s − m) / l from them: from m + log l alone, large logits would lose digits.
struct SoftmaxRows<S: Scalar>: Sendable {
  let pivot: Matrix<S>
  let sum: Matrix<S>

  init(length: Int) {
    pivot = Matrix(rows: 1, columns: length)
    sum = Matrix(rows: 1, columns: length)
  }
}
