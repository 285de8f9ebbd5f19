import Judging
import PathAttention

/// A candidate compared with every variant of the catalogue: what it computes instead, if it fails, and what the inputs
/// could not have shown, if it does not.
public struct VariantStudy: Sendable {
  /// What is known of the tensors that fail; nil if none does.
  public let diagnosis: Diagnosis?
  /// The variants whose every tensor would have been let pass on these inputs. Variants that are equal to the definition,
  /// as exact evaluation decides, are not among them.
  public let blindSpots: [BlindSpot]

  /// Compares.
  ///
  /// - Parameters:
  ///   - gallery: The variants on the case that the candidate was given.
  ///   - reference: What the definition gives, for every tensor of the candidate.
  ///   - candidate: What is to be explained.
  ///   - multiple: How errors are measured. A tensor fails where it is more than `Verdict.marginalMultiple`.
  ///   - variantMultiple: How they are measured against a variant that comes near and does not fit by the former.
  /// - Throws: `AttentionError` when a tensor does not have the size that the inputs ask for.
  /// - Complexity: One forward and backward pass per variant and block size, in parallel, unless the gallery has them.
  public init(
    _ gallery: VariantGallery, reference: [AttentionTensor: [Double]], candidate: [AttentionTensor: [Double]],
    multiple: @escaping ErrorMultiple, variantMultiple: VariantMultiple? = nil
  ) throws(AttentionError) {
    let attentionCase = gallery.attentionCase
    let shape = attentionCase.inputs.shape
    for (tensor, entries) in candidate { _ = try TokenTensor(tensor, shape, entries) }
    let tensors = AttentionTensor.allCases.filter { candidate[$0] != nil && reference[$0] != nil }
    let all = Array(0..<shape.tokens)
    let nominal = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0, multiple($0, reference[$0]!, candidate[$0]!, all)) })
    let failing = tensors.filter { !Verdict.tolerates(nominal[$0]!) }

    var comparisons = try VariantComparisons(gallery, tensors, reference, candidate, multiple)
    blindSpots = try comparisons.blindSpots(attentionCase)
    guard !failing.isEmpty else {
      diagnosis = nil
      return
    }
    try comparisons.compareWhole(failing)
    if let variantMultiple { try comparisons.measureNearest(variantMultiple) }
    if failing.contains(.o) || failing.contains(.lse), try comparisons.fitScale(), let variantMultiple {
      try comparisons.measureNearest(variantMultiple)
    }
    diagnosis = ExplanationSearch(comparisons: comparisons, nominal: nominal, failing: failing).diagnosis { tensor in
      let transforms = TensorTransform.fits(
        tensor, reference: reference[tensor]!, candidate: candidate[tensor]!, shape: shape,
        scale: attentionCase.function.scale)
      return transforms.map { ($0.words, multiple(tensor, $0.reference, $0.candidate, all)) }
    }
  }
}

extension VariantStudy {
  /// Compares as a cross-check does: a tensor fails where it is more than marginally over the envelope.
  ///
  /// - Parameters:
  ///   - gallery: The variants on the case that the candidate was given.
  ///   - reference: What the definition gives, for every tensor of the candidate.
  ///   - candidate: What is to be explained.
  ///   - envelope: How large an honest error is.
  /// - Throws: `AttentionError` when a tensor does not have the size that the inputs ask for.
  public init(
    _ gallery: VariantGallery, reference: [AttentionTensor: [Double]], candidate: [AttentionTensor: [Double]],
    envelope: Envelope
  ) throws(AttentionError) {
    try self.init(
      gallery, reference: reference, candidate: candidate, multiple: envelope.errorMultiple,
      variantMultiple: envelope.variantMultiple)
  }
}
