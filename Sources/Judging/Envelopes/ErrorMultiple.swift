import PathAttention

/// How large the error of a tensor is, as a multiple of the envelope: tolerated up to `Verdict.marginalMultiple`, NaN where the
/// candidate is not finite.
///
/// The tensors may be parts of the whole: `tokens` says which rows of tokens (b · T + t, in order) they hold.
public typealias ErrorMultiple =
  @Sendable (
    _ tensor: AttentionTensor, _ reference: [Double], _ candidate: [Double], _ tokens: [Int]
  ) -> Double
