import LinearAlgebra

/// The inclusive cumulative sums c of the log forget gate of one query head, as far as a sequence has come.
///
/// Each is kept as an unevaluated sum high + low, because differences of a long cumulative sum lose what its rounding lost.
struct GateSums<S: Scalar>: Sendable {
  private var high: [S] = []
  private var low: [S] = []

  /// Appends the sum at the next token, whose log forget gate is g.
  mutating func append(_ g: S) {
    let (sum, rounding) = twoSum(high.last ?? .zero, g)
    low.append((low.last ?? .zero) + rounding)
    high.append(sum)
  }

  /// s_j ← s_j + factor · (c_i − c_j) for the keys j < s.count.
  func add(to s: UnsafeMutableBufferPointer<S>, query i: Int, factor: S) {
    for j in 0..<s.count { s[j] += factor * ((high[i] - high[j]) + (low[i] - low[j])) }
  }
}
