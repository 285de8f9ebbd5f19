import LinearAlgebra

/// The cotangent of the log forget gate of one query head in one segment.
///
/// From gate_ij = factor · (c_i − c_j): dc_i = factor · (Σ_j dS_ij − Σ_j dS_ji), and c is a cumulative sum, so dg is the
/// reverse cumulative sum of dc.
final class GateCotangent<S: Scalar> {
  private let factor: S
  private let dc: Matrix<S>
  private let dg: MutableMatrixView<S>

  /// Nil when there is no gate.
  init?(_ gate: LogitMap<S>.Gate?, _ place: SegmentHead, into dg: TokenTensor<S>?) {
    guard let gate, let dg else { return nil }
    factor = gate.factor
    dc = Matrix(rows: 1, columns: place.segment.count)
    self.dg = dg.mutableWindow(place.segment, head: place.queryHead)
  }

  /// Adds the part of a tile of dS, which is zero where j > i.
  func collect(_ dS: MutableMatrixView<S>, row: Int, column: Int) {
    let dc = dc.mutableView.row(0)
    for r in 0..<dS.rows {
      let entries = dS.row(r)
      var sum = S.zero
      for j in 0..<entries.count {
        sum += entries[j]
        dc[column + j] -= entries[j]
      }
      dc[row + r] += sum
    }
  }

  /// Writes the gradient of the gate. The first gate of a segment stands before every interval: its gradient is zero.
  func finish() {
    var (sum, error) = (S.zero, S.zero)
    for t in (1..<dg.rows).reversed() {
      let rounding: S
      (sum, rounding) = twoSum(sum, dc[0, t])
      error += rounding
      dg[t, 0] = factor * (sum + error)
    }
  }
}
