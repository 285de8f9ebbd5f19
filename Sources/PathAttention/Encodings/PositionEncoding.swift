import LinearAlgebra
import RealModule

/// The encodings of position that PaTH is compared with. Each is PaTH attention without reflections (β = 0) on inputs of
/// its own, so forms, functions, gradients and decoding are the same for all of them:
///
///     NoPE    S_ij = scale · q_i k_jᵀ
///     RoPE    S_ij = scale · q_i Θ^{i−j} k_jᵀ,   Θ a fixed rotation
///     FoX     S_ij = scale · q_i k_jᵀ + c_i − c_j,   c the cumulative sum of log forget gates
///     ALiBi   S_ij = scale · q_i k_jᵀ − slope · (i − j)
///     PaTH    S_ij = scale · q_i H_i … H_{j+1} k_jᵀ
///
/// PaTH puts a product that depends on the tokens between j and i where RoPE has a power of a fixed rotation.
///
/// ```swift
/// let (inputs, function) = try PositionEncoding.rotary().problem(inputs)
/// let outputs = try attention(inputs, function)
/// ```
public enum PositionEncoding: Sendable, Hashable {
  /// No encoding: plain causal attention.
  case none
  /// Rotary embedding (Su et al., arXiv 2104.09864): lanes l and l + d/2 of q and k at position t are turned by the angle
  /// t · base^{−2l/d}. Positions count from the start of each segment.
  case rotary(base: Double = 10000)
  /// The Forgetting Transformer (Lin et al., arXiv 2503.02130). The inputs bring the gate.
  case forgetting
  /// Linear biases (Press et al., arXiv 2108.12409), with the slopes of that paper.
  case linearBias

  /// The problem whose attention is that of the encoding, for the q, k and v (and g, for the Forgetting Transformer) of
  /// given inputs. Their w and β play no part.
  ///
  /// - Returns: The inputs, and the function with the gate convention that the encoding has.
  /// - Throws: `AttentionError` when a rotary embedding is asked for an odd number of lanes or a base that is not positive,
  ///   or a forget gate is not there.
  /// - Complexity: O(entries).
  public func problem<S: RealScalar>(
    _ inputs: AttentionInputs<S>, scale: Double? = nil
  ) throws(AttentionError) -> (inputs: AttentionInputs<S>, function: AttentionFunction<S>) {
    let plain = try inputs.replacing(beta: inputs.beta.entries.map { _ in .zero }, g: .some(nil))
    switch self {
    case .none: return (plain, inputs.function(scale: scale))
    case .rotary(let base):
      return (
        try plain.replacing(
          q: rotated(inputs.q, inputs.segments, base), k: rotated(inputs.k, inputs.segments, base)),
        inputs.function(scale: scale)
      )
    case .forgetting:
      guard let gate = inputs.g else { throw .count(tensor: "g", expected: inputs.shape.count(of: .g), found: 0) }
      return (try plain.replacing(g: gate.entries), inputs.function(scale: scale, gate: .unscaled))
    case .linearBias:
      let slopes = linearBiasSlopes(heads: inputs.shape.queryHeads).map { S(-$0) }
      return (
        try plain.replacing(g: (0..<inputs.shape.tokens).flatMap { _ in slopes }),
        inputs.function(scale: scale, gate: .unscaled)
      )
    }
  }

  /// The logits of the encoding: one L × L lower triangular matrix for every segment and query head.
  ///
  /// - Throws: `AttentionError` as `problem` does.
  public func logits<S: RealScalar>(
    _ inputs: AttentionInputs<S>, scale: Double? = nil
  ) throws(AttentionError) -> LogitTable<S> {
    let (inputs, function) = try problem(inputs, scale: scale)
    try validateProblem(inputs, function, AttentionExecution())
    return try PathAttention.logits(inputs, function, form: .compactWY)
  }

  /// What attention with the encoding computes: o and the log-sum-exp of every row.
  ///
  /// - Throws: `AttentionError` as `problem` and `attention` do.
  public func attention<S: RealScalar>(
    _ inputs: AttentionInputs<S>, scale: Double? = nil, _ execution: AttentionExecution = .init()
  ) throws(AttentionError) -> AttentionOutputs<S> {
    let (inputs, function) = try problem(inputs, scale: scale)
    return try PathAttention.attention(inputs, function, execution)
  }
}

/// The slopes of linear biases: for a power of two n of heads 2^{−8h/n}, h = 1 … n; otherwise those of the next smaller
/// power of two, and then every other one of the next larger.
public func linearBiasSlopes(heads: Int) -> [Double] {
  func geometric(_ n: Int) -> [Double] { (1...n).map { .exp2(-8 * Double($0) / Double(n)) } }
  var power = 1
  while 2 * power <= heads { power *= 2 }
  let odd = stride(from: 0, to: 2 * (heads - power), by: 2).map { geometric(2 * power)[$0] }
  return geometric(power) + odd
}

/// Every head of every token turned according to its position in its segment.
private func rotated<S: RealScalar>(
  _ tensor: TokenTensor<S>, _ segments: [Range<Int>], _ base: Double
) throws(AttentionError) -> [S] {
  guard tensor.lanes % 2 == 0 else {
    throw .option(name: "keyDim", expected: "even for a rotary embedding", found: "\(tensor.lanes)")
  }
  guard base > 0, base.isFinite else { throw .option(name: "base", expected: "positive", found: "\(base)") }
  let half = tensor.lanes / 2
  let result = tensor.matrix.copy()
  for segment in segments {
    for t in segment {
      let row = result.mutableView.row(t)
      for l in 0..<half {
        let angle = Double(t - segment.lowerBound) * .pow(base, -2 * Double(l) / Double(tensor.lanes))
        let (c, s) = (S(.cos(angle)), S(.sin(angle)))
        for head in stride(from: 0, to: row.count, by: tensor.lanes) {
          let (x, y) = (row[head + l], row[head + half + l])
          row[head + l] = x * c - y * s
          row[head + half + l] = x * s + y * c
        }
      }
    }
  }
  return result.entries
}
