import Judging
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// One tensor of a candidate held against its reference and its envelope.
struct JudgedTensor {
  let name: String
  private let elementType: ElementType
  private let entries: [Double]
  private let reference: [Double]
  private let envelope: TensorEnvelope
  private let layout: RowLayout
  private let tokens: [Int]?
  private let isStable: Bool
  private let comparison: TensorEnvelope.Comparison

  /// Compares, once for all that is said of it.
  ///
  /// - Parameters:
  ///   - name: What it is called in files.
  ///   - elementType: What it is stored in.
  ///   - entries: The candidate, in the order of memory.
  ///   - reference: What they should be.
  ///   - envelope: How large an honest error is.
  ///   - layout: How rows lie.
  ///   - tokens: The tokens whose rows are judged; all when nil.
  ///   - isStable: Whether the reference itself is known.
  init(
    _ name: String, _ elementType: ElementType, _ entries: [Double], reference: [Double], envelope: TensorEnvelope,
    _ layout: RowLayout, tokens: [Int]? = nil, isStable: Bool = true
  ) {
    self.name = name
    self.elementType = elementType
    self.entries = entries
    self.reference = reference
    self.envelope = envelope
    self.layout = layout
    self.tokens = tokens
    self.isStable = isStable
    comparison = envelope.comparison(of: entries, against: reference)
  }

  /// What reports say of it.
  ///
  /// - Parameters:
  ///   - profile: The name of the profile that the envelope follows.
  ///   - blockSize: Rows per block, for patterns.
  func report(profile: String, blockSize: Int) -> TensorReport {
    let measure = ErrorMeasure(candidate: entries, reference: reference)
    // The rows that a verdict is asked for, in the order of memory.
    let rows = tokens?.flatMap { $0 * layout.heads..<($0 + 1) * layout.heads } ?? Array(envelope.rows.indices)
    let reasons = rows.map { isStable ? envelope.unjudged[$0] : .baseline }
    let unjudged = UnjudgedReason.allCases.compactMap { reason -> UnjudgedRows? in
      let count = reasons.count { $0 == reason }
      return count == 0 ? nil : UnjudgedRows(reason: reason, rows: count, words: reason.words(profile: profile))
    }
    let judgedRows = reasons.count { $0 == nil }
    // Against a reference that is not known only a number that is none can be held.
    let multiple = isStable || measure.nonFinite > 0 ? comparison.multiple : 0
    var verdict = Verdict(multiple: multiple)
    if !unjudged.isEmpty { verdict = max(verdict, judgedRows == 0 ? .fail : .marginal) }
    let size = ScaledNorm(of: reference)
    func limit(_ multiple: Double) -> Double {
      size.value == 0 ? 0 : min(envelope.norm(atMultiple: multiple) / size.value, .greatestFiniteMagnitude)
    }
    return TensorReport(
      name: name, dtype: elementType.rawValue, verdict: verdict, rows: reasons.count, judgedRows: judgedRows,
      unjudged: unjudged.isEmpty ? nil : unjudged, rmsRatio: ReportNumber(measure.rmsRatio),
      maxAbs: ReportNumber(measure.maxAbs), maxAbsAt: measure.worst.map { Place($0, layout) },
      nonFinite: measure.nonFinite, passLimit: limit(Verdict.passMultiple),
      marginalLimit: limit(Verdict.marginalMultiple), envelopeMultiple: ReportNumber(multiple),
      envelopeWhole: ReportNumber(comparison.whole),
      metrics: TestSuiteMetrics(
        measure, candidate: entries, reference: reference, format: elementType.format ?? .float64),
      location: Verdict(multiple: multiple) == .pass
        ? nil
        : ErrorLocation(
          layout, candidate: entries, reference: reference, comparison: comparison, unjudged: envelope.unjudged,
          blockSize: blockSize, tokens: tokens))
  }

  /// Every row in multiples of the envelope.
  var map: ErrorMap {
    ErrorMap(name, layout, envelope: envelope, multiples: comparison.rows, queryTokens: tokens)
  }
}
