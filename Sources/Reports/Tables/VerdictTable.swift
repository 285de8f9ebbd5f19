import Checking
import Judging
import NumberFormats

/// One tensor that was judged.
protocol JudgedTensor {
  associatedtype At: CustomStringConvertible
  var name: String { get }
  var dtype: String { get }
  var verdict: Verdict { get }
  var rmsRatio: ReportNumber { get }
  var maxAbs: ReportNumber { get }
  var maxAbsAt: At? { get }
  var nonFinite: Int { get }
  /// Rows (token × head) that were to be judged, and those that are.
  var rows: Int { get }
  var judgedRows: Int { get }
  /// Whether there is nothing to go by.
  var isUnjudged: Bool { get }
}

extension CrossCheckReport.TensorReport: JudgedTensor {}
extension LayerCheckReport.TensorReport: JudgedTensor {
  // A layer's output is judged as a whole.
  package var rows: Int { 1 }
  package var judgedRows: Int { 1 }
  package var isUnjudged: Bool { false }
}

/// The verdicts on tensors, with what they were judged by.
struct VerdictTable {
  package let lines: [String]

  /// - Parameters:
  ///   - title: What the tensors are called.
  ///   - tensors: One line for each.
  ///   - columns: What they were judged by.
  init<Tensor: JudgedTensor>(
    _ title: String, _ tensors: [Tensor], columns: [(heading: String, text: (Tensor) -> String)]
  ) {
    lines =
      TextTable(
        header: [title, "dtype", "relative RMS"] + columns.map(\.heading) + ["max abs", "at", "verdict"],
        rows: tensors.map { tensor in
          [tensor.name, tensor.dtype, relativeErrorText(tensor.rmsRatio.value)] + columns.map { $0.text(tensor) }
            + [
              number(tensor.maxAbs.value, "%.3g"), tensor.maxAbsAt?.description ?? "–",
              (tensor.isUnjudged ? "NOT JUDGED" : tensor.verdict.rawValue.uppercased()) + Self.remarks(tensor),
            ]
        }
      ).lines
  }

  private static func remarks(_ tensor: some JudgedTensor) -> String {
    let unjudged = tensor.rows - tensor.judgedRows
    let remarks = [
      tensor.nonFinite > 0 ? "\(tensor.nonFinite) NaN or infinite" : nil,
      unjudged > 0 && !tensor.isUnjudged ? "\(unjudged) of \(tensor.rows) rows not judged" : nil,
    ].compactMap { $0 }
    return remarks.isEmpty ? "" : " (\(remarks.joined(separator: ", ")))"
  }
}
