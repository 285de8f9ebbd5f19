import LinearAlgebra

/// The map from the unscaled logits A of one query head in one segment to the logits: S_ij = scale · A_ij + gate_ij.
///
/// With c the inclusive cumulative sum of g within the segment, gate_ij = scale · (c_i − c_j) (scaled) or c_i − c_j
/// (unscaled).
struct LogitMap<S: Scalar>: Sendable {
  let scale: S
  let gate: Gate?

  struct Gate: Sendable {
    /// scale or 1, by convention.
    let factor: S
    /// c as an unevaluated sum high + low, because differences of a long cumulative sum lose what its rounding lost.
    let high: Matrix<S>
    let low: Matrix<S>

    /// - Parameter g: The log forget gates of the segment, L × 1.
    init(_ g: MatrixView<S>, factor: S) {
      self.factor = factor
      high = Matrix(rows: 1, columns: g.rows)
      low = Matrix(rows: 1, columns: g.rows)
      let high = high.mutableView.row(0)
      let low = low.mutableView.row(0)
      var (sum, error) = (S.zero, S.zero)
      for t in 0..<g.rows {
        let rounding: S
        (sum, rounding) = twoSum(sum, g[t, 0])
        error += rounding
        high[t] = sum
        low[t] = error
      }
    }
  }

  /// - Parameter g: The log forget gates of the segment, L × 1.
  init(scale: S, g: MatrixView<S>?, _ convention: GateConvention) {
    self.scale = scale
    gate = g.map { Gate($0, factor: convention == .scaled ? scale : .one) }
  }

  /// s_j ← logit of query i and key column + j, for a row of unscaled logits.
  @inline(__always)
  func apply(to row: UnsafeMutableBufferPointer<S>, query i: Int, column: Int) {
    for j in 0..<row.count { row[j] *= scale }
    guard let gate else { return }
    let high = UnsafeBufferPointer(rebasing: gate.high.view.row(0)[column..<column + row.count])
    let low = UnsafeBufferPointer(rebasing: gate.low.view.row(0)[column..<column + row.count])
    let (highI, lowI) = (gate.high[0, i], gate.low[0, i])
    for j in 0..<row.count { row[j] += gate.factor * ((highI - high[j]) + (lowI - low[j])) }
  }
}

/// a + b = sum + error exactly in floating point (Knuth); in an exact ring the error is zero.
@inline(__always)
func twoSum<S: Scalar>(_ a: S, _ b: S) -> (sum: S, error: S) {
  let sum = a + b
  let virtual = sum - a
  return (sum, (a - (sum - virtual)) + (b - virtual))
}
