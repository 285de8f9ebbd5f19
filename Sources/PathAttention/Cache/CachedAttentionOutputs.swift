import LinearAlgebra

/// What decoding computes for the new tokens.
public struct CachedAttentionOutputs<S: Scalar>: Sendable {
  /// The outputs, [B, T, HQ, V].
  public let o: TokenTensor<S>
  /// The log-sum-exp of the logits of each row, natural logarithm, [B, T, HQ].
  public let lse: TokenTensor<S>
}
