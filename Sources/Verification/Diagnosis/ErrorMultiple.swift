import PathAttention

/// How large the error of a tensor is, as a multiple of what is tolerated: at most 1 where rounding explains it, NaN where
/// the candidate is not finite.
///
/// The tensors may be parts of the whole: `tokens` says which rows of tokens (b · T + t, in order) they hold.
public typealias ErrorMultiple =
  @Sendable (
    _ tensor: AttentionTensor, _ reference: [Double], _ candidate: [Double], _ tokens: [Int]
  ) -> Double

/// How errors are measured where a variant is the reference, by the rounding of a kernel that makes its mistake; nil if that
/// overflows.
///
/// The mistake may make numbers larger, and their rounding with them.
public typealias VariantMultiple =
  @Sendable (
    _ variant: Variant, _ blockSize: Int, _ attentionCase: AttentionCase, _ reference: [AttentionTensor: [Double]]
  ) throws(AttentionError) -> ErrorMultiple?
