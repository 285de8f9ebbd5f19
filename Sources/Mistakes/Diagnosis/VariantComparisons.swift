import Judging
import PathAttention
import Problems

/// All variants of a gallery as errors: against a candidate, and against the definition.
struct VariantComparisons {
  package struct Comparison: Sendable {
    package let variant: Variant
    /// Nil if the variant does not depend on it.
    package let blockSize: Int?
    /// The candidate's error with the variant as reference.
    package var errors: [AttentionTensor: Double] = [:]
    /// ‖candidate − variant‖₂ / ‖candidate − definition‖₂: the part of the candidate's error that the variant leaves.
    package var residualShare: [AttentionTensor: Double] = [:]
    /// The largest ‖candidate − variant‖₂ / ‖variant‖₂ of a tensor.
    package var relativeError = 0.0
    /// The variant's error with the definition as reference, on the part by itself.
    var distances: [AttentionTensor: Double] = [:]

    /// Whether every one of some tensors of the candidate is what the variant gives.
    func fits(_ tensors: some Sequence<AttentionTensor>) -> Bool {
      tensors.allSatisfy { Verdict.tolerates(errors[$0, default: .nan]) }
    }

    /// Whether some tensor shows that this is not the definition.
    package var isVisible: Bool { !distances.values.allSatisfy(Verdict.tolerates) }
  }

  private let gallery: VariantGallery
  private let reference: [AttentionTensor: [Double]]
  private let candidate: [AttentionTensor: [Double]]
  private let multiple: ErrorMultiple
  /// What is compared at present: the part of the gallery, or everything.
  private var subject: Subject
  private(set) var all: [Comparison] = []

  /// How many variants there are.
  package var variants: Int { Set(gallery.entries.map(\.variant.id)).count }
  /// What was left out, in words; nil if nothing was.
  package var note: String? { subject.part.note }

  init(
    _ gallery: VariantGallery, _ tensors: [AttentionTensor], _ reference: [AttentionTensor: [Double]],
    _ candidate: [AttentionTensor: [Double]], _ multiple: @escaping ErrorMultiple
  ) throws(AttentionError) {
    self.gallery = gallery
    self.reference = reference
    self.candidate = candidate
    self.multiple = multiple
    let subject = try Subject(gallery.part, gallery.attentionCase, tensors, reference, candidate, multiple)
    self.subject = subject
    all = try concurrentMap(Array(gallery.entries.indices)) { index throws(AttentionError) -> Comparison in
      subject.comparison(gallery.entries[index], try gallery.results(index))
    }
  }

  /// The tensors that are compared.
  package var tensors: [AttentionTensor] { subject.determined }

  /// Why nothing can be said of a tensor that fails; nil if it was compared with all variants.
  func reasonNotCompared(_ tensor: AttentionTensor) -> String? {
    if !candidate[tensor]!.allSatisfy(\.isFinite) && tensor != .lse { return "it has NaN or infinite entries" }
    if !subject.determined.contains(tensor) {
      return "it depends on all tokens, and variants were computed for the first \(subject.part.tokens.count) only"
    }
    return Verdict.tolerates(subject.nominal[tensor]!)
      ? "what is wrong lies outside the part that variants were computed for" : nil
  }

  // MARK: All of a long problem

  /// Compares all of a problem of which so far a part was, with the variants that the part does not rule out, if that does
  /// not take too long.
  ///
  /// A variant is ruled out by a tensor of the part that it does not explain, and by gradients: if it changes one that is
  /// right, or none of those that are wrong, when the part is a problem of its own.
  mutating func compareWhole(_ failing: [AttentionTensor]) throws(AttentionError) {
    guard note != nil else { return }
    let (gallery, subject) = (gallery, subject)
    let left = all.indices.filter { index in
      let comparison = all[index]
      guard comparison.fits(subject.determined) || comparison.relativeError <= Self.nearestError && comparison.isVisible
      else { return false }
      let open = subject.tensors.filter { !subject.determined.contains($0) }
      return open.allSatisfy { failing.contains($0) || Verdict.tolerates(comparison.distances[$0, default: .nan]) }
        && (!comparison.isVisible
          || failing.contains { comparison.distances[$0].map { !Verdict.tolerates($0) } ?? true })
    }
    let longest = gallery.attentionCase.inputs.segments.map(\.count).max() ?? 0
    guard longest <= VariantGallery.longestWholeSegment,
      left.count * gallery.attentionCase.work <= gallery.largestWholeWork
    else { return }
    let whole = try Subject(
      VariantSubset(whole: gallery.attentionCase), gallery.attentionCase, subject.tensors, reference, candidate,
      multiple)
    let comparisons = try concurrentMap(left) { index throws(AttentionError) -> Comparison in
      let entry = gallery.entries[index]
      return whole.comparison(entry, try entry.evaluate(gallery.attentionCase))
    }
    for (index, comparison) in zip(left, comparisons) { all[index] = comparison }
    self.subject = whole
  }

  // MARK: Fitted variants

  /// Adds the scales that explain o, or lse, best, unless a variant fits already.
  ///
  /// - Returns: Whether there are any.
  mutating func fitScale() throws(AttentionError) -> Bool {
    let (tensors, part) = (subject.determined, subject.part)
    guard !all.contains(where: { $0.fits(tensors) && $0.isVisible }),
      let tensor = [AttentionTensor.o, .lse].first(where: { candidate[$0]?.allSatisfy(\.isFinite) ?? false })
    else { return false }
    let known = all.count
    var forward = gallery.attentionCase
    (forward.outputCotangent, forward.lseCotangent) = (nil, nil)
    let few = try VariantSubset(forward, largestWork: Self.fittedWork)
    let found = few.rows(tensor, candidate[tensor]!, of: forward.inputs.shape)
    for family in ScaleFamily.allCases where gallery.isDistinct(family.variant(2)) {
      let factor = try ScaleFamily.fit { factor throws(AttentionError) in
        let expected = try VariantGallery.Entry(variant: family.variant(factor), blockSize: nil)
          .evaluate(few.attentionCase)[tensor]!
        return ScaledNorm(of: found, minus: expected).relative(to: ScaledNorm(of: expected))
      }
      guard let factor, factor != 1, !all.contains(where: { $0.variant.id == family.id(factor) }) else { continue }
      let entry = VariantGallery.Entry(variant: family.variant(factor), blockSize: nil)
      all.append(subject.comparison(entry, try entry.evaluate(part.attentionCase)))
    }
    return all.count > known
  }

  /// Over how many logits a factor is fitted.
  private static let fittedWork = 1 << 15

  // MARK: The nearest

  /// How many variants are measured by their own rounding.
  private static let nearest = 3
  /// How near they have to be: rounding that is off by more explains everything.
  private static let nearestError = 0.5

  /// Measures the candidate against the nearest variants by their own rounding, unless one fits already.
  mutating func measureNearest(_ multiple: VariantMultiple) throws(AttentionError) {
    let (subject, tensors, all) = (subject, tensors, all)
    guard !all.contains(where: { $0.fits(tensors) }) else { return }
    let near = all.indices.filter {
      all[$0].relativeError <= Self.nearestError && all[$0].isVisible
        && tensors.allSatisfy(all[$0].errors.keys.contains)
    }.sorted { all[$0].relativeError < all[$1].relativeError }.prefix(Self.nearest)
    let errors = try concurrentMap(Array(near)) { index throws(AttentionError) -> [AttentionTensor: Double]? in
      let entry = VariantGallery.Entry(variant: all[index].variant, blockSize: all[index].blockSize)
      let (part, results) = (subject.part, try entry.evaluate(subject.part.attentionCase))
      guard let multiple = try multiple(entry.variant, entry.usedBlockSize, part.attentionCase, results) else {
        return nil
      }
      return Dictionary(
        uniqueKeysWithValues: tensors.filter { results[$0] != nil }.map {
          ($0, multiple($0, results[$0]!, subject.found[$0]!, part.tokens))
        })
    }
    for (index, errors) in zip(near, errors) {
      if let errors { self.all[index].errors.merge(errors) { $1 } }
    }
  }

  // MARK: Blind spots

  /// Variants that no tensor shows, though a case has what they are about, and that are not known to be equal to the definition.
  package func blindSpots(_ attentionCase: AttentionCase) throws(AttentionError) -> [BlindSpot] {
    let hidden = all.filter { !$0.isVisible && !$0.variant.isOutOfScope(of: attentionCase) }
    var spots: [BlindSpot] = []
    for comparison in hidden where !spots.contains(where: { $0.variant == comparison.variant.id }) {
      let equivalence = try comparison.variant.equivalence()
      guard equivalence == .different || equivalence == .undecided else { continue }
      let same = hidden.filter { $0.variant.id == comparison.variant.id }
      let isAlwaysHidden = same.count == all.count { $0.variant.id == comparison.variant.id }
      spots.append(
        BlindSpot(
          variant: comparison.variant.id, blockSizes: isAlwaysHidden ? nil : same.compactMap(\.blockSize),
          multiple: same.flatMap(\.distances.values).max() ?? 0))
    }
    return spots
  }
}

/// What variants are compared with: the definition and the candidate on a part of a problem.
private struct Subject: Sendable {
  let part: VariantSubset
  /// The tensors of the candidate.
  let tensors: [AttentionTensor]
  /// Those of which the part computes what the whole problem has there.
  let determined: [AttentionTensor]
  /// What the definition gives for the part by itself: with fewer tokens there are other gradients.
  let definition: [AttentionTensor: [Double]]
  /// The candidate's rows of the tensors that are determined.
  let found: [AttentionTensor: [Double]]
  /// The candidate's errors against the definition, on the part.
  let nominal: [AttentionTensor: Double]
  private let nominalNorms: [AttentionTensor: ScaledNorm]
  private let multiple: ErrorMultiple

  init(
    _ part: VariantSubset, _ whole: AttentionCase, _ tensors: [AttentionTensor],
    _ reference: [AttentionTensor: [Double]], _ candidate: [AttentionTensor: [Double]],
    _ multiple: @escaping ErrorMultiple
  ) throws(AttentionError) {
    self.part = part
    self.tensors = tensors
    self.multiple = multiple
    determined = tensors.filter(part.determines)
    let definition =
      part.note == nil
      ? reference
      : try VariantCatalogue.nominal.evaluate(part.attentionCase, blockSize: VariantGallery.usualBlockSize)
    let found = Dictionary(
      uniqueKeysWithValues: determined.map { ($0, part.rows($0, candidate[$0]!, of: whole.inputs.shape)) })
    self.definition = definition
    self.found = found
    nominal = Dictionary(
      uniqueKeysWithValues: determined.map { ($0, multiple($0, definition[$0]!, found[$0]!, part.tokens)) })
    nominalNorms = Dictionary(
      uniqueKeysWithValues: determined.map { ($0, ScaledNorm(of: found[$0]!, minus: definition[$0]!)) })
  }

  /// A variant held against both.
  func comparison(
    _ entry: VariantGallery.Entry, _ results: [AttentionTensor: [Double]]
  ) -> VariantComparisons.Comparison {
    var comparison = VariantComparisons.Comparison(variant: entry.variant, blockSize: entry.blockSize)
    for tensor in tensors {
      guard let result = results[tensor] else { continue }
      comparison.distances[tensor] = multiple(tensor, definition[tensor]!, result, part.tokens)
      guard let found = found[tensor] else { continue }
      let (expected, candidate) = withoutEqualInfinities(result, found)
      comparison.errors[tensor] = multiple(tensor, expected, candidate, part.tokens)
      let error = ScaledNorm(of: candidate, minus: expected)
      comparison.residualShare[tensor] = error.relative(to: nominalNorms[tensor]!)
      let ratio = error.relative(to: ScaledNorm(of: expected))
      comparison.relativeError = ratio.isNaN ? .infinity : max(comparison.relativeError, ratio)
    }
    return comparison
  }
}

/// Two tensors with zeros where both have the same infinity: a row that sees nothing has log-sum-exp −∞ in both.
package func withoutEqualInfinities(_ a: [Double], _ b: [Double]) -> ([Double], [Double]) {
  let equal = a.indices.filter { a[$0].isInfinite && a[$0] == b[$0] }
  guard !equal.isEmpty else { return (a, b) }
  var (a, b) = (a, b)
  for index in equal { (a[index], b[index]) = (0, 0) }
  return (a, b)
}
