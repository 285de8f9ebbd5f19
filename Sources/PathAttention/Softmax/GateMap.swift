import LinearAlgebra

/// What the forget gate of one query head in one segment adds to the logits.
///
/// With c the inclusive cumulative sum of g within the segment, gate_ij = factor · (c_i − c_j), where the factor is scale
/// (scaled) or 1 (unscaled).
struct GateMap<S: Scalar>: Sendable {
  private let factor: S
  /// c as an unevaluated sum high + low, because differences of a long cumulative sum lose what its rounding lost.
  private let high: Matrix<S>
  private let low: Matrix<S>

  /// - Parameter g: The log forget gates of the segment, L × 1; nil when there is no gate.
  init?(_ g: MatrixView<S>?, _ function: AttentionFunction<S>, rounding: some RoundingModel<S>) {
    guard let g else { return nil }
    factor = function.gateFactor
    high = Matrix(rows: 1, columns: g.rows)
    low = Matrix(rows: 1, columns: g.rows)
    let high = high.mutableView.row(0)
    let low = low.mutableView.row(0)
    var (sum, error) = (S.zero, S.zero)
    for t in 0..<g.rows {
      let residue: S
      (sum, residue) = twoSum(sum, g[t, 0])
      error += residue
      // A kernel that rounds c keeps it as one number, and goes on from there.
      let stored = rounding.rounded(sum, .gateSums)
      if stored != sum { (sum, error) = (stored, .zero) }
      high[t] = sum
      low[t] = error
    }
  }

  /// s_j ← s_j + gate_ij for the query of a token and the keys column + j.
  @inline(__always)
  func add(to row: UnsafeMutableBufferPointer<S>, token i: Int, column: Int) {
    let high = UnsafeBufferPointer(rebasing: high.view.row(0)[column..<column + row.count])
    let low = UnsafeBufferPointer(rebasing: low.view.row(0)[column..<column + row.count])
    let (highI, lowI) = (self.high[0, i], self.low[0, i])
    for j in 0..<row.count { row[j] += factor * ((highI - high[j]) + (lowI - low[j])) }
  }
}

/// a + b = sum + error exactly in floating point (Knuth); in an exact ring the error is zero.
@inline(__always)
func twoSum<S: Scalar>(_ a: S, _ b: S) -> (sum: S, error: S) {
  let sum = a + b
  let virtual = sum - a
  return (sum, (a - (sum - virtual)) + (b - virtual))
}
