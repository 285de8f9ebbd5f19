import Judging
import Mistakes
import NumberFormats
import PathAttention
import Problems

/// One tensor of the candidate against the reference.
public struct TensorReport: Sendable, Codable {
  /// Like `dw`.
  public var name: String
  /// As stored, like `BF16`.
  public var dtype: String
  /// For this tensor alone. A tensor of which no row is judged fails.
  public var verdict: Verdict
  /// How many rows (token × head) were to be judged.
  public var rows: Int
  /// How many of them are.
  public var judgedRows: Int
  /// Why the others are not; absent if all are.
  public var unjudged: [UnjudgedRows]?
  /// ‖candidate − reference‖₂ / ‖reference‖₂.
  public var rmsRatio: ReportNumber
  /// The largest difference of an entry.
  public var maxAbs: ReportNumber
  /// Where it is; absent for an empty tensor.
  public var maxAbsAt: Place?
  /// How many entries are NaN or infinite.
  public var nonFinite: Int
  /// Up to which `rmsRatio` the tensor as a whole passes; it still fails by a single row.
  public var passLimit: Double
  /// Up to which `rmsRatio` the tensor as a whole is marginal.
  public var marginalLimit: Double
  /// How far the candidate is from the reference in multiples of the envelope: the larger one of its worst row and of
  /// `envelopeWhole`. Up to 2 the verdict is pass, up to 4 marginal.
  public var envelopeMultiple: ReportNumber
  /// The same for the tensor as a whole: `rmsRatio` over what it is for an honest implementation.
  public var envelopeWhole: ReportNumber
  /// Measures that test suites use.
  public var metrics: TestSuiteMetrics
  /// Where the error is; absent when it is within what passes.
  public var location: ErrorLocation?
  /// Which path of a layer it comes from; absent if it is none of a layer.
  public var path: LayerPath?
  /// `rmsRatio` of an honest implementation of a layer; absent if it is none of a layer.
  public var roundingRatio: ReportNumber?
  /// Known disagreements of a layer that explain a failure, the best first; absent if it is none of a layer.
  public var explanations: [LayerExplanation]?
}

/// Rows of a tensor of which nothing can be said, for one reason.
public struct UnjudgedRows: Sendable, Codable {
  /// Which reason.
  public var reason: UnjudgedReason
  /// How many rows.
  public var rows: Int
  /// The reason in words.
  public var words: String
}

extension TensorReport {
  /// Whether the verdict is fail only because there is nothing to go by.
  public var isUnjudged: Bool { judgedRows == 0 && rows > 0 && Verdict(multiple: envelopeMultiple.value) != .fail }
}

extension [TensorReport] {
  /// Whether a verdict on all of them is fail only because some could not be judged at all.
  func areUnjudged(_ verdict: Verdict) -> Bool {
    verdict == .fail && allSatisfy { $0.verdict != .fail || $0.isUnjudged }
  }
}

/// A known disagreement with which the reference gives what the candidate gives.
public struct LayerExplanation: Sendable, Codable {
  /// Which one.
  public var disagreement: LayerDisagreement
  /// The paths that have it.
  public var paths: [LayerPath]
  /// ‖candidate − reference with the disagreement‖₂ / ‖reference with the disagreement‖₂.
  public var rmsRatio: Double
}
