import LinearAlgebra

/// Turns tiles of logits into tiles of their cotangent, for queries of one head:
///
///     E = exp(s − m);   P = E / l;   dV += Pᵀ dO;   dS = P ∘ (dO Vᵀ − δ),  δ_i = do_i · o_i − dlse_i
///
/// and collects what the values and the gate get. The division by l is applied to the rows of dO and to δ, once, instead of
/// to every tile: l ≥ 1, because the largest logit of a row contributes 1.
final class SoftmaxCotangent<S: SoftmaxScalar, Rounding: RoundingModel<S>>: LogitVisitor {
  private let tokens: [Int]
  private let gate: GateMap<S>?
  private let V: MatrixView<S>
  private let dV: MutableMatrixView<S>
  private let dGate: GateCotangent<S>?
  private let rounding: Rounding
  private let pivots: [S]
  /// dO / l and δ / l
  private let scaledDO: Matrix<S>
  private let scaledδ: [S]
  private var dP: Matrix<S>

  /// - Parameters:
  ///   - tokens: The tokens of the queries within the segment.
  ///   - V: The values of the segment, L × d_v.
  ///   - O, dO: Outputs and their cotangent in the segment, L × d_v.
  ///   - dlse: The cotangent of the log-sum-exp, L × 1, if there is one.
  ///   - statistics: m and l of the forward pass.
  ///   - dV: The gradient of the values, to be added to.
  ///   - dGate: Where the cotangent of the gate is collected.
  init(
    tokens: [Int], gate: GateMap<S>?, V: MatrixView<S>, O: MatrixView<S>, dO: MatrixView<S>, dlse: MatrixView<S>?,
    statistics: SoftmaxRows<S>, dV: MutableMatrixView<S>, dGate: GateCotangent<S>?, rounding: Rounding
  ) {
    self.tokens = tokens
    self.gate = gate
    self.V = V
    self.dV = dV
    self.dGate = dGate
    self.rounding = rounding
    pivots = tokens.map { statistics.pivot[0, $0] }
    scaledDO = Matrix(rows: tokens.count, columns: V.columns)
    var scaledδ: [S] = []
    for (r, token) in tokens.enumerated() {
      let reciprocal = S.one / statistics.sum[0, token]
      S.addScaled(reciprocal, dO.row(token), to: scaledDO.mutableView.row(r))
      let δ = S.dot(dO.row(token), O.row(token)) - (dlse?[token, 0] ?? .zero)
      scaledδ.append(reciprocal * rounding.rounded(δ, .rowSums))
    }
    self.scaledδ = scaledδ
    dP = Matrix(rows: 0, columns: 0)
  }

  func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
    let keys = column..<column + tile.columns
    let dO = scaledDO.view.rows(rows)
    for r in 0..<tile.rows {
      let token = tokens[rows.lowerBound + r]
      let entries = tile.row(r)
      let count = causalCount(token: token, column: column, columns: tile.columns)
      let logits = UnsafeMutableBufferPointer(rebasing: entries[..<count])
      gate?.add(to: logits, token: token, column: column)
      rounding.round(logits, .accumulators)
      _ = S.exponentiate(logits, minus: pivots[rows.lowerBound + r])
      for j in count..<entries.count { entries[j] = .zero }
    }
    rounding.round(tile, .accumulators)
    rounding.addProduct(tile.transposed, .weights, dO, .outputCotangents, to: dV.rows(keys))

    if dP.rows * dP.columns < tile.rows * tile.columns { dP = Matrix(rows: tile.rows, columns: tile.columns) }
    let dP = dP.mutableView.reshaped(tile.rows, tile.columns)
    rounding.multiply(dO, .outputCotangents, V.rows(keys).transposed, .values, into: dP)
    for r in 0..<tile.rows {
      S.multiply(tile.row(r), byShifted: UnsafeBufferPointer(dP.row(r)), scaledδ[rows.lowerBound + r])
    }
    rounding.round(tile, .accumulators)
    dGate?.collect(tile, tokens: tokens[rows], column: column, rounding: rounding)
  }
}
