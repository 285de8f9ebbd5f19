import Checking
import PathAttention
import TensorFiles

/// The report of `pathcheck layer` as text.
package struct LayerTable {
  package let text: String

  package init(_ report: LayerCheckReport) {
    var lines = [
      "case       \(report.case.excerpt())",
      "layer      \(report.layer.summary)",
      "options    scale \(report.options.scale), \(report.layer.hasForgetGate ? "gate \(report.options.gate)" : "no gate")",
      "reference  \(report.options.form), Float64; envelopes from rounding every stage to \(report.options.format)",
    ]
    lines += report.notes.map { "note       \($0)" }
    lines.append("")
    lines += VerdictTable("output", report.tensors).lines
    if !report.consistency.isEmpty {
      lines.append("")
      lines +=
        TextTable(
          header: ["paths of the candidate against each other", "relative RMS", "limit", "agree"],
          rows: report.consistency.map { pair in
            [
              pair.tensors.joined(separator: " and "), number(pair.rmsRatio.value, "%.5g"),
              number(pair.limit, "%.2g"), pair.agrees ? "yes" : "NO",
            ]
          }
        ).lines
    }
    if !report.diagnosis.isEmpty { lines += [""] + report.diagnosis.map { "diagnosis  \($0)" } }
    lines += ["", "verdict    \(report.isUnjudged ? "NOT JUDGED" : report.verdict.rawValue.uppercased())"]
    text = lines.map(\.printable).joined(separator: "\n")
  }
}

extension LayerConfiguration {
  fileprivate var summary: String {
    let parts: [String] = [
      "hidden \(hiddenSize)", "HQ \(queryHeads)", "H \(heads)",
      reflectionRank.map { "w of rank \($0)" } ?? "w of full rank",
      convolution.map { "convolution of width \($0.width)\($0.hasBias ? " with bias" : "")" } ?? "no convolution",
      hasForgetGate ? "forget gate" : "no forget gate", hasQueryKeyNorm ? "q/k norm" : "no q/k norm",
    ]
    return parts.joined(separator: ", ")
  }
}
