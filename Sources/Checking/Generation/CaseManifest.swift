import Mistakes
import PathAttention
import Problems

/// What was generated, and what each case is good for. Encoded, it is `manifest.json`: fields are added, never renamed.
public struct CaseManifest: Sendable, Codable {
  /// Where all random numbers start.
  public var seed: UInt64
  /// What q, k, v, do and the outputs like them are stored in.
  public var dtype: String
  /// The block sizes that the cases are made for.
  public var blockSizes: [Int]
  /// The cases, in the order of the families.
  public var cases: [Entry]
  /// How the discriminating cases tell variants apart; absent if there are none or nobody asked.
  public var separation: Separation?

  /// One case.
  public struct Entry: Sendable, Codable {
    /// The name of the file in the folder.
    public var file: String
    /// The name of the case.
    public var `case`: String
    /// Its kind.
    public var family: CaseFamily
    /// What it is for.
    public var purpose: String
    /// The sizes.
    public var shape: ReportShape
    /// The factor of the logits.
    public var scale: Double
    /// How the gate enters; absent where there is none.
    public var gate: GateConvention?
    /// The line that its numbers follow from, if there is one.
    public var problem: String?
    /// Which variants an implementation cannot have and pass: they differ from the definition by at least ten times the
    /// honest error in some tensor, at every block size. Absent if nobody asked.
    public var catches: [String]?
    /// The other variants, but for those that are equal to the definition. Absent if nobody asked.
    public var misses: [String]?
  }

  /// How well a set of cases tells variants apart, the definition among them.
  public struct Separation: Sendable, Codable {
    /// How many times the honest error two variants must be apart, in some tensor of some case, at every block size.
    public var required: Double
    /// How many pairs there are, without variants that are equal to the definition.
    public var pairs: Int
    /// The pairs that are less than that apart, the nearest first.
    public var unseparated: [Pair]

    /// Two variants.
    public struct Pair: Sendable, Codable {
      /// An id, or `nominal`.
      public var first: String
      /// An id, or `nominal`.
      public var second: String
      /// How far apart they are in the case that tells them best.
      public var multiple: Double
    }
  }
}

extension CaseManifest.Entry {
  /// - Parameter shown: The variants that the case shows; nil if nobody asked.
  init(_ stored: StoredCase, shown: Set<String>?) throws(AttentionError) {
    let inputs = stored.attentionCase.inputs
    let gate = stored.attentionCase.function.gate
    file = stored.fileName
    self.case = stored.generated.name
    family = stored.generated.family
    purpose = stored.generated.purpose
    shape = ReportShape(inputs.shape, segments: inputs.segments.count)
    scale = stored.attentionCase.function.scale
    self.gate = inputs.g == nil ? nil : gate
    problem = stored.generated.problem?.description
    guard let shown else { return }
    let judged = try VariantCatalogue.distinct.filter { !$0.isNominal(gate) }.map(\.id)
    catches = judged.filter(shown.contains)
    misses = judged.filter { !shown.contains($0) }
  }
}

extension CaseManifest.Separation {
  /// Each pair is as far apart as in the case that tells it best.
  init(_ cases: [[VariantPair: Double]]) throws(AttentionError) {
    let distinct = Set(try VariantCatalogue.distinct.map(\.id) + [CaseStudy.definition])
    let best = cases.reduce(into: [VariantPair: Double]()) { $0.merge($1, uniquingKeysWith: max) }
      .filter { distinct.contains($0.key.first) && distinct.contains($0.key.second) }
    required = CaseStudy.requiredMultiple
    pairs = best.count
    unseparated = best.filter { $0.value < CaseStudy.requiredMultiple }
      .map { Pair(first: $0.key.first, second: $0.key.second, multiple: $0.value) }
      .sorted { ($0.multiple, $0.first, $0.second) < ($1.multiple, $1.first, $1.second) }
  }
}

extension VariantCatalogue {
  /// The variants that are not known to be equal to the definition.
  static var distinct: [Variant] {
    get throws(AttentionError) {
      var distinct: [Variant] = []
      for variant in all where try variant.equivalence() != .equal { distinct.append(variant) }
      return distinct
    }
  }
}
