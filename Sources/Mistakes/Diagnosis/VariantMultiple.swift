import Judging
import PathAttention
import Problems

/// How errors are measured where a variant is the reference, by the rounding of a kernel that makes its mistake; nil if that
/// overflows.
///
/// The mistake may make numbers larger, and their rounding with them.
public typealias VariantMultiple =
  @Sendable (
    _ variant: Variant, _ blockSize: Int, _ attentionCase: AttentionCase, _ reference: [AttentionTensor: [Double]]
  ) throws(AttentionError) -> ErrorMultiple?

extension Envelope {
  /// Errors against a variant, by the envelope of a kernel of the same profile that makes its mistake.
  var variantMultiple: VariantMultiple {
    { variant, blockSize, attentionCase, reference throws(AttentionError) -> ErrorMultiple? in
      guard reference.values.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
      let own = try Envelope(
        attentionCase, reference: reference, profile: profile, activation: activation, formats: formats, seed: seed,
        evaluate: { rounding throws(AttentionError) in
          try variant.evaluate(attentionCase, blockSize: blockSize, rounding: rounding)
        })
      // Of the part, which is the whole of this envelope.
      return { tensor, reference, candidate, _ in own.multiple(of: candidate, against: reference, tensor: tensor) }
    }
  }
}
