import LinearAlgebra

/// The causal softmax of queries of one head over the tiles of their logits, with the product by V: o_i = Σ_j P_ij v_j.
///
/// For each row it keeps a pivot m, the sum l = Σ exp(s − m) and O = Σ exp(s − m) v over the keys seen so far. A tile that
/// changes m rescales l and O by exp(m_old − m_new) (Milakov and Gimelshein 2018). The tiles of a row may come in any order.
final class OnlineSoftmax<S: SoftmaxScalar, Rounding: RoundingModel<S>>: LogitVisitor {
  private let tokens: [Int]
  private let gate: GateMap<S>?
  private let V: MatrixView<S>
  private let rounding: Rounding
  private let O: Matrix<S>
  /// m and l of each row; nil before its first tile.
  private var state: [(m: S, l: S)?]

  /// - Parameters:
  ///   - tokens: The tokens of the queries within the segment.
  ///   - V: The values of the segment, L × d_v.
  init(tokens: [Int], gate: GateMap<S>?, V: MatrixView<S>, rounding: Rounding) {
    self.tokens = tokens
    self.gate = gate
    self.V = V
    self.rounding = rounding
    O = Matrix(rows: tokens.count, columns: V.columns)
    state = Array(repeating: nil, count: tokens.count)
  }

  func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
    let O = O.mutableView.rows(rows)
    // One exclusive access to the state for all rows.
    state.withUnsafeMutableBufferPointer { state in
      for r in 0..<tile.rows {
        let token = tokens[rows.lowerBound + r]
        let entries = tile.row(r)
        let count = causalCount(token: token, column: column, columns: tile.columns)
        let logits = UnsafeMutableBufferPointer(rebasing: entries[..<count])
        gate?.add(to: logits, token: token, column: column)
        exponentiate(logits, &state[rows.lowerBound + r], O.row(r))
        for j in count..<entries.count { entries[j] = .zero }
      }
    }
    rounding.addProduct(tile, .weights, V.rows(column..<column + tile.columns), .values, to: O)
  }

  /// s_j ← exp(s_j − m), with m and l brought up to date, and o rescaled to the new m.
  @inline(__always)
  private func exponentiate(
    _ logits: UnsafeMutableBufferPointer<S>, _ state: inout (m: S, l: S)?, _ o: UnsafeMutableBufferPointer<S>
  ) {
    rounding.round(logits, .accumulators)
    var m = S.pivot(of: UnsafeBufferPointer(logits))
    var l = S.zero
    if let (oldM, oldL) = state {
      m = S.pivot(oldM, m)
      let rescale = m == oldM ? S.one : S.exponential(oldM, minus: m)
      if rescale != S.one {
        for lane in 0..<o.count { o[lane] *= rescale }
      }
      l = oldL * rescale
    }
    state = (m, rounding.rounded(l + S.exponentiate(logits, minus: m), .rowSums))
    rounding.round(logits, .accumulators)
  }

  /// Once every tile has been visited: O ← O / l, and the log-sum-exp, m and l of each row.
  ///
  /// - Parameters:
  ///   - outputs: Where the outputs go, d_v lanes for each token from `start` on.
  ///   - lse: Where the log-sum-exps go, one for each token from `start` on.
  ///   - statistics: Where m and l go, if a backward pass may want them.
  ///   - start: The first token that there is a row for.
  func finish(
    _ outputs: MutableMatrixView<S>, lse: MutableMatrixView<S>, _ statistics: SoftmaxRows<S>? = nil, from start: Int = 0
  ) {
    for (row, token) in tokens.enumerated() {
      let (m, l) = state[row]!
      let (o, output) = (O.view.row(row), outputs.row(token - start))
      for lane in 0..<o.count { output[lane] = o[lane] / l }
      lse[token - start, 0] = S.logSumExp(pivot: m, sum: l)
      statistics?.pivot.mutableView[0, token] = m
      statistics?.sum.mutableView[0, token] = l
    }
  }
}

/// The pivot m and the sum l = Σ exp(s − m) of each row of one query head in one segment. The backward pass recomputes
/// P = exp(s − m) / l from them: from m + log l alone, large logits would lose digits.
struct SoftmaxRows<S: Scalar>: Sendable {
  let pivot: Matrix<S>
  /// Zero for a row that has not been computed.
  let sum: Matrix<S>

  init(length: Int) {
    pivot = Matrix(rows: 1, columns: length)
    sum = Matrix(rows: 1, columns: length)
  }
}
