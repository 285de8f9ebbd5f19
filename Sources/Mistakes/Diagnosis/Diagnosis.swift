import NumberFormats
import PathAttention
import RealModule

/// What a candidate that fails computes instead, as far as the catalogue of variants knows.
public struct Diagnosis: Sendable, Codable {
  /// How many variants the candidate was compared with.
  public var variants: Int
  /// One entry for every tensor that fails.
  public var tensors: [TensorDiagnosis]
  /// Which part of the problem was looked at, if not all of it.
  public var note: String?
  /// What the verdicts and identities together say about the cause, in a sentence.
  public var cause: String?

  /// The one variant that every explained tensor matches, with a block size that it fits with.
  package var variant: (id: String, blockSize: Int?)? {
    let found = tensors.filter { $0.outcome == .variant }
    guard let first = found.first, found.allSatisfy({ $0.variants == first.variants }) else { return nil }
    return (first.variants[0], first.blockSizes?.first)
  }
}

/// What is known of one tensor that fails.
public struct TensorDiagnosis: Sendable, Codable, CustomStringConvertible {
  /// The tensor.
  public var name: String
  /// What the comparison came to.
  public var outcome: Outcome
  /// The ids that fit. One, unless the outcome is `ambiguous`; none if it is `unknown`.
  public var variants: [String]
  /// The block sizes that the variant fits with, if it depends on them.
  public var blockSizes: [Int]?
  /// The change of the whole tensor that makes it fit, in words.
  public var transform: String?
  /// The error against what fits, in multiples of the envelope; tolerated up to 4.
  public var multiple: ReportNumber?
  /// The error against the definition.
  public var nominal: ReportNumber
  /// The variant that leaves the smallest part of the error, where none fits; absent if none leaves less than half of it.
  public var nearest: String?
  /// Its error.
  public var nearestMultiple: ReportNumber?
  /// The part that it leaves, ‖candidate − variant‖ / ‖candidate − definition‖ over the whole tensor.
  public var nearestLeaves: ReportNumber?
  /// How many variants were tried.
  public var tried: Int
  /// Why it was not compared with them, if it was not.
  public var reason: String?

  /// A diagnosis in parts.
  public init(
    name: String, outcome: Outcome, variants: [String], multiple: ReportNumber? = nil, nominal: ReportNumber,
    tried: Int
  ) {
    self.name = name
    self.outcome = outcome
    self.variants = variants
    self.multiple = multiple
    self.nominal = nominal
    self.tried = tried
  }

  /// What a comparison with the catalogue can come to.
  public enum Outcome: String, Sendable, Codable {
    /// One variant fits and no other does.
    case variant
    /// The definition, or the variant that another tensor matches, fits after a change of the whole tensor.
    case transformed
    /// Several variants fit; these inputs and tensors do not tell them apart.
    case ambiguous
    /// None fits.
    case unknown
    /// It could not be compared with all of them.
    case notCompared
  }

  /// Like `matches gate.unscaled within 0.9×; nominal 48×`.
  public var description: String {
    let against = "nominal \(Self.times(nominal))"
    switch outcome {
    case .variant, .transformed:
      let what =
        (variants.first ?? "the definition") + (transform.map { ", \($0)," } ?? "")
        + (blockSizes.map { " (blocks of \($0.map(String.init).joined(separator: ", ")))" } ?? "")
      return "matches \(what) within \(multiple.map(Self.times) ?? "0×"); \(against)"
    case .ambiguous:
      return "matches \(variants.count) of the \(tried) known variants, which are not told apart here: "
        + "\(variants.joined(separator: ", ")); \(against)"
    case .notCompared:
      return "not compared with the \(tried) known variants: \(reason ?? "no reason is known"); \(against)"
    case .unknown:
      var text = "none of the \(tried) known variants"
      if let nearest, let nearestLeaves {
        text += "; nearest \(nearest), which leaves \(Self.digits(100 * nearestLeaves.value)) % of the error"
      }
      return "\(text); \(against)"
    }
  }

  /// A multiple to two digits.
  private static func times(_ number: ReportNumber) -> String {
    "\(digits(number.value))×"
  }

  private static func digits(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    let magnitude = Double.pow(10, (Double.log10(abs(value)) - 1).rounded(.down))
    let rounded = (value / magnitude).rounded() * magnitude
    return abs(rounded) >= 10 ? "\(Int(exactly: rounded.rounded()) ?? .max)" : "\(Float(rounded))"
  }
}

/// A variant that the inputs of a comparison could not have told from the definition.
public struct BlindSpot: Sendable, Codable {
  /// The id.
  public var variant: String
  /// The block sizes at which it would have gone unseen; nil if at all that were tried.
  public var blockSizes: [Int]?
  /// The largest error that it would have shown in any tensor, in multiples of the envelope: at most 4.
  public var multiple: Double
}
