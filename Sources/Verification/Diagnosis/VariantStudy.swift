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
  ///   - multiple: How errors are measured. A tensor fails where it is not at most 1.
  ///   - variantMultiple: How they are measured against a variant that comes near and does not fit by the former.
  /// - Throws: `AttentionError` when a tensor does not have the size that the inputs ask for.
  /// - Complexity: One forward and backward pass per variant and block size, in parallel, unless the gallery has them.
  public init(
    _ gallery: VariantGallery, reference: [AttentionTensor: [Double]], candidate: [AttentionTensor: [Double]],
    multiple: ErrorMultiple, variantMultiple: VariantMultiple? = nil
  ) throws(AttentionError) {
    let attentionCase = gallery.attentionCase
    let shape = attentionCase.inputs.shape
    for (tensor, entries) in candidate { _ = try TokenTensor(tensor, shape, entries) }
    let tensors = AttentionTensor.allCases.filter { candidate[$0] != nil && reference[$0] != nil }
    var comparisons = try VariantComparisons(gallery, tensors, reference, candidate, multiple)
    if let variantMultiple { try comparisons.measureNearest(variantMultiple, gallery, candidate) }
    let all = Array(0..<shape.tokens)
    let nominal = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0, multiple($0, reference[$0]!, candidate[$0]!, all)) })
    diagnosis = Explanation(comparisons: comparisons, nominal: nominal).diagnosis { tensor in
      let transforms = TensorTransform.fits(
        tensor, reference: reference[tensor]!, candidate: candidate[tensor]!, shape: shape,
        scale: attentionCase.scale ?? 1 / Double(shape.keyDim).squareRoot())
      return transforms.map { ($0.words, multiple(tensor, $0.reference, $0.candidate, all)) }
    }
    blindSpots = try comparisons.blindSpots
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

/// All variants of a gallery as errors: against a candidate, and against the definition.
struct VariantComparisons: Sendable {
  struct Comparison: Sendable {
    let variant: Variant
    /// Nil if the variant does not depend on it.
    let blockSize: Int?
    /// The candidate's error with the variant as reference.
    var errors: [AttentionTensor: Double]
    /// ‖candidate − variant‖₂ / ‖candidate − definition‖₂: the part of the candidate's error that the variant leaves.
    let leaves: [AttentionTensor: Double]
    /// The largest ‖candidate − variant‖₂ / ‖variant‖₂ of a tensor.
    let relativeError: Double
    /// The variant's error with the definition as reference.
    let distances: [AttentionTensor: Double]

    /// Whether every one of some tensors of the candidate is what the variant gives.
    func fits(_ tensors: some Sequence<AttentionTensor>) -> Bool {
      tensors.allSatisfy { errors[$0, default: .nan] <= 1 }
    }

    /// Whether some tensor shows that this is not the definition.
    var shows: Bool { distances.values.contains { !($0 <= 1) } }
  }

  private(set) var all: [Comparison]
  /// The tensors that were compared.
  let tensors: [AttentionTensor]
  let note: String?
  /// How many variants there are.
  var variants: Int { Set(all.map(\.variant.id)).count }

  init(
    _ gallery: VariantGallery, _ tensors: [AttentionTensor], _ reference: [AttentionTensor: [Double]],
    _ candidate: [AttentionTensor: [Double]], _ multiple: ErrorMultiple
  ) throws(AttentionError) {
    let part = gallery.part
    let shape = gallery.attentionCase.inputs.shape
    let tensors = tensors.filter(part.determines)
    // The reference of a part is its own: with fewer tokens there are other gradients.
    let definition =
      part.note == nil
      ? reference
      : try VariantCatalogue.nominal.evaluate(part.attentionCase, blockSize: VariantGallery.usualBlockSize)
    let found = Dictionary(uniqueKeysWithValues: tensors.map { ($0, part.rows($0, candidate[$0]!, of: shape)) })
    let nominal = Dictionary(
      uniqueKeysWithValues: tensors.map { ($0, ScaledNorm(of: found[$0]!, minus: definition[$0]!)) })
    all = try concurrentMap(Array(gallery.entries.indices)) { index throws(AttentionError) -> Comparison in
      let results = try gallery.results(index)
      var (errors, leaves, distances) = (
        [AttentionTensor: Double](), [AttentionTensor: Double](), [AttentionTensor: Double]()
      )
      var relativeError = 0.0
      for tensor in tensors {
        guard let result = results[tensor] else { continue }
        let (expected, candidate) = withoutEqualInfinities(result, found[tensor]!)
        errors[tensor] = multiple(tensor, expected, candidate, part.tokens)
        let error = ScaledNorm(of: candidate, minus: expected)
        leaves[tensor] = error.relative(to: nominal[tensor]!)
        let ratio = error.relative(to: ScaledNorm(of: expected))
        relativeError = ratio.isNaN ? .infinity : max(relativeError, ratio)
        distances[tensor] = multiple(tensor, definition[tensor]!, result, part.tokens)
      }
      let entry = gallery.entries[index]
      return Comparison(
        variant: entry.variant, blockSize: entry.blockSize, errors: errors, leaves: leaves,
        relativeError: relativeError,
        distances: distances)
    }
    self.tensors = tensors
    note = part.note
  }

  /// How many variants are measured by their own rounding.
  private static let nearest = 3
  /// How near they have to be: rounding that is off by more explains everything.
  private static let nearestError = 0.5

  /// Measures the candidate against the nearest variants by their own rounding, unless one fits already.
  mutating func measureNearest(
    _ multiple: VariantMultiple, _ gallery: VariantGallery, _ candidate: [AttentionTensor: [Double]]
  ) throws(AttentionError) {
    let (part, tensors) = (gallery.part, tensors)
    guard !all.contains(where: { $0.fits(tensors) }) else { return }
    let near = all.indices.filter { all[$0].relativeError <= Self.nearestError && all[$0].shows }
      .sorted { all[$0].relativeError < all[$1].relativeError }.prefix(Self.nearest)
    let errors = try concurrentMap(Array(near)) { index throws(AttentionError) -> [AttentionTensor: Double]? in
      let (results, entry) = (try gallery.results(index), gallery.entries[index])
      let blockSize = entry.blockSize ?? VariantGallery.usualBlockSize
      guard let multiple = try multiple(entry.variant, blockSize, part.attentionCase, results) else { return nil }
      return Dictionary(
        uniqueKeysWithValues: tensors.filter { results[$0] != nil }.map { tensor in
          let found = part.rows(tensor, candidate[tensor]!, of: gallery.attentionCase.inputs.shape)
          return (tensor, multiple(tensor, results[tensor]!, found, part.tokens))
        })
    }
    for (index, errors) in zip(near, errors) {
      if let errors { all[index].errors.merge(errors) { $1 } }
    }
  }

  /// Variants that no tensor shows and that are not known to be equal to the definition.
  var blindSpots: [BlindSpot] {
    get throws(AttentionError) {
      let hidden = all.filter { !$0.shows }
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
}

/// Two tensors with zeros where both have the same infinity: a row that sees nothing has log-sum-exp −∞ in both.
func withoutEqualInfinities(_ a: [Double], _ b: [Double]) -> ([Double], [Double]) {
  let equal = a.indices.filter { a[$0].isInfinite && a[$0] == b[$0] }
  guard !equal.isEmpty else { return (a, b) }
  var (a, b) = (a, b)
  for index in equal { (a[index], b[index]) = (0, 0) }
  return (a, b)
}
