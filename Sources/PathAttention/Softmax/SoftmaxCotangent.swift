import LinearAlgebra

/// Turns tiles of unscaled logits into tiles of their cotangent, for one query head in one segment:
///
///     P = exp(s − m) / l;   dV += Pᵀ dO;   dS = P ∘ (dO Vᵀ − δ),  δ_i = do_i · o_i − dlse_i;   G = scale · dS
///
/// and collects what the gate gets.
final class SoftmaxCotangent<S: SoftmaxScalar>: LogitVisitor {
  private let map: LogitMap<S>
  private let V: MatrixView<S>
  private let dO: MatrixView<S>
  private let rows: SoftmaxRows<S>
  private let dV: MutableMatrixView<S>
  private let gate: GateCotangent<S>?
  private let δ: [S]
  private var scratch: Matrix<S>

  /// - Parameters:
  ///   - O, dO: Outputs and their cotangent in the segment, L × d_v.
  ///   - dlse: The cotangent of the log-sum-exp, L × 1, if there is one.
  ///   - dV: The gradient of the values, to be added to.
  ///   - gate: Where the cotangent of the gate is collected.
  init(
    _ map: LogitMap<S>, V: MatrixView<S>, O: MatrixView<S>, dO: MatrixView<S>, dlse: MatrixView<S>?,
    rows: SoftmaxRows<S>, dV: MutableMatrixView<S>, gate: GateCotangent<S>?
  ) {
    self.map = map
    self.V = V
    self.dO = dO
    self.rows = rows
    self.dV = dV
    self.gate = gate
    δ = (0..<V.rows).map { i in S.dot(dO.row(i), O.row(i)) - (dlse?[i, 0] ?? .zero) }
    scratch = Matrix(rows: 0, columns: 0)
  }

  func visit(_ tile: MutableMatrixView<S>, row: Int, column: Int) {
    let queries = row..<row + tile.rows
    let keys = column..<column + tile.columns
    for r in 0..<tile.rows {
      let i = row + r
      let entries = tile.row(r)
      let count = causalCount(tile, row: row, column: column, r)
      let P = UnsafeMutableBufferPointer(rebasing: entries[..<count])
      map.apply(to: P, query: i, column: column)
      _ = S.exponentiate(P, minus: rows.pivot[0, i])
      let reciprocal = S.one / rows.sum[0, i]
      for j in 0..<count { P[j] *= reciprocal }
      for j in count..<entries.count { entries[j] = .zero }
    }
    addProduct(tile.transposed, dO.rows(queries), to: dV.rows(keys))

    let dP = scratchTile(tile.rows, tile.columns)
    multiply(dO.rows(queries), V.rows(keys).transposed, into: dP)
    for r in 0..<tile.rows {
      let i = row + r
      let dS = tile.row(r)
      let dP = dP.row(r)
      for j in 0..<dS.count { dS[j] *= dP[j] - δ[i] }
    }
    gate?.collect(tile, row: row, column: column)
    for r in 0..<tile.rows {
      let G = tile.row(r)
      for j in 0..<G.count { G[j] *= map.scale }
    }
  }

  func finish() { gate?.finish() }

  private func scratchTile(_ rows: Int, _ columns: Int) -> MutableMatrixView<S> {
    if scratch.rows < rows || scratch.columns < columns { scratch = Matrix(rows: rows, columns: columns) }
    return scratch.mutableView.rows(0..<rows).columns(0..<columns)
  }
}
