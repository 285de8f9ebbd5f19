import Verification

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
}

extension CrossCheckReport.TensorReport: JudgedTensor {}
extension LayerCheckReport.TensorReport: JudgedTensor {}

/// The verdicts on tensors, with what they were judged by.
struct VerdictTable {
  let lines: [String]

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
          [tensor.name, tensor.dtype, number(tensor.rmsRatio.value, "%.5g")] + columns.map { $0.text(tensor) }
            + [
              number(tensor.maxAbs.value, "%.3g"), tensor.maxAbsAt?.description ?? "–",
              tensor.verdict.rawValue.uppercased()
                + (tensor.nonFinite > 0 ? " (\(tensor.nonFinite) NaN or infinite)" : ""),
            ]
        }
      ).lines
  }
}
