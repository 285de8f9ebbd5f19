import LinearAlgebra
import PathAttention

/// One problem with everything that determines its outputs.
public struct AttentionCase: Sendable {
  /// q, k, v, w, β and, if there is a gate, g.
  public var inputs: AttentionInputs<Double>
  /// Scale and gate convention.
  public var function: AttentionFunction<Double>
  /// do, [B, T, HQ, V], when gradients are wanted.
  public var outputCotangent: [Double]?
  /// The cotangent of lse, [B, T, HQ], or nil for zero.
  public var lseCotangent: [Double]?
  /// The tokens, over the whole batch, whose queries are wanted; all when nil. Cotangents are zero in the rows of others.
  public var queryTokens: [Int]?

  /// A case, forward only unless there is a cotangent; with the scale 1/√d_k when nil.
  public init(
    _ inputs: AttentionInputs<Double>, scale: Double? = nil, gate: GateConvention = .scaled,
    outputCotangent: [Double]? = nil, lseCotangent: [Double]? = nil, queryTokens: [Int]? = nil
  ) {
    self.inputs = inputs
    function = inputs.function(scale: scale, gate: gate)
    self.outputCotangent = outputCotangent
    self.lseCotangent = lseCotangent
    self.queryTokens = queryTokens
  }
}
