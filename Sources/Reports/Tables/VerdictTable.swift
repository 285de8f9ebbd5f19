import Checking
import Judging
import NumberFormats

/// The verdicts on tensors, with what they were judged by.
struct VerdictTable {
  package let lines: [String]

  /// One line for each tensor, and then where those are off that are over their envelopes.
  ///
  /// - Parameters:
  ///   - title: What the tensors are called.
  ///   - tensors: What is said of each.
  init(_ title: String, _ tensors: [TensorReport]) {
    let table = TextTable(
      header: [title, "dtype", "relative RMS", "envelope", "multiple", "max abs", "at", "verdict"],
      rows: tensors.map { tensor in
        [
          tensor.name, tensor.dtype, relativeErrorText(tensor.rmsRatio.value),
          number(tensor.passLimit / Verdict.passMultiple, "%.2g"), multipleText(tensor.envelopeMultiple.value),
          number(tensor.maxAbs.value, "%.3g"), tensor.maxAbsAt?.description ?? "–",
          (tensor.isUnjudged ? "NOT JUDGED" : tensor.verdict.rawValue.uppercased()) + Self.remarks(tensor),
        ]
      })
    lines = table.lines + tensors.flatMap(Self.details)
  }

  private static func details(_ tensor: TensorReport) -> [String] {
    let unjudged = (tensor.unjudged ?? []).map {
      "\(tensor.name): \($0.rows) of \(tensor.rows) rows not judged: \($0.words)"
    }
    let details = (tensor.location.map { lines(of: $0, in: tensor) } ?? []) + unjudged
    return details.isEmpty ? [] : [""] + details
  }

  /// Where a tensor is over its envelope.
  private static func lines(of location: ErrorLocation, in tensor: TensorReport) -> [String] {
    let worst = location.worstRows.prefix(3).map { "\($0.at) (\(multipleText($0.multiple.value)))" }
    let lanes = location.worstLanes.prefix(3).map { "\($0.lane) (\(number(100 * $0.share.value, "%.0f %%")))" }
    return [
      "\(tensor.name): \(location.pattern.joined(separator: "; "))",
      "  \(location.rowsOver) of \(location.rows) rows are over twice the envelope"
        + (worst.isEmpty ? "" : "; worst (multiple): \(worst.joined(separator: ", "))"),
    ] + (lanes.isEmpty ? [] : ["  worst lanes (share of the squared error): \(lanes.joined(separator: ", "))"])
  }

  private static func remarks(_ tensor: TensorReport) -> String {
    let unjudged = tensor.rows - tensor.judgedRows
    let remarks = [
      tensor.nonFinite > 0 ? "\(tensor.nonFinite) NaN or infinite" : nil,
      unjudged > 0 && !tensor.isUnjudged ? "\(unjudged) of \(tensor.rows) rows not judged" : nil,
    ].compactMap { $0 }
    return remarks.isEmpty ? "" : " (\(remarks.joined(separator: ", ")))"
  }
}
