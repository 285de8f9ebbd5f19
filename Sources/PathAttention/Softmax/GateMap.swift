import LinearAlgebra

/// What the forget gate of one query head adds to the logits of one segment.
///
/// With c the inclusive cumulative sum of g within the segment, gate_ij = factor · (c_i − c_j), where the factor is scale
/// (scaled) or 1 (unscaled).
struct GateMap<S: Scalar>: Sendable {
  private let factor: S
  private let sums: GateSums<S>

  init(_ sums: GateSums<S>, _ function: AttentionFunction<S>) {
    self.sums = sums
    factor = function.gateFactor
  }

  /// - Parameter g: The log forget gates of the segment, L × 1; nil when there is no gate.
  init?(_ g: MatrixView<S>?, _ function: AttentionFunction<S>, rounding: some RoundingModel<S>) {
    guard let g else { return nil }
    var sums = GateSums<S>()
    sums.append(g, rounding: rounding)
    self.init(sums, function)
  }

  /// s_j ← s_j + gate_ij for the query of a token and the keys column + j.
  @inline(__always)
  func add(to row: UnsafeMutableBufferPointer<S>, token i: Int, column: Int) {
    let keys = column..<column + row.count
    let (highI, lowI) = (sums.high[i], sums.low[i])
    sums.high[keys].withUnsafeBufferPointer { high in
      sums.low[keys].withUnsafeBufferPointer { low in
        for j in 0..<row.count { row[j] += factor * ((highI - high[j]) + (lowI - low[j])) }
      }
    }
  }
}

/// The inclusive cumulative sums c of the log forget gate of one query head, as far as a sequence has come.
///
/// Each is an unevaluated sum high + low, because differences of a long cumulative sum lose what its rounding lost.
struct GateSums<S: Scalar>: Sendable {
  private(set) var high: [S] = []
  private(set) var low: [S] = []

  /// Appends the sums at the next tokens, whose log forget gates are g, n × 1.
  mutating func append(_ g: MatrixView<S>, rounding: some RoundingModel<S>) {
    var (sum, error) = (high.last ?? .zero, low.last ?? .zero)
    for t in 0..<g.rows {
      let residue: S
      (sum, residue) = twoSum(sum, g[t, 0])
      error += residue
      // A kernel that rounds c keeps it as one number, and goes on from there.
      let stored = rounding.rounded(sum, .gateSums)
      if stored != sum { (sum, error) = (stored, .zero) }
      high.append(sum)
      low.append(error)
    }
  }
}

/// a + b = sum + error exactly in floating point (Knuth); in an exact ring the error is zero.
@inline(__always)
func twoSum<S: Scalar>(_ a: S, _ b: S) -> (sum: S, error: S) {
  let sum = a + b
  let virtual = sum - a
  return (sum, (a - (sum - virtual)) + (b - virtual))
}
