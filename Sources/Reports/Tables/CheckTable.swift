import Checking
import Judging
import Mistakes
import TensorFiles

/// The report of `pathcheck check` as text.
package struct CheckTable {
  package let text: String

  package init(_ report: CrossCheckReport) {
    let shape = report.shape
    let options = report.options
    var lines = [
      "case       \(report.case.excerpt())",
      "shape      B \(shape.batch), T \(shape.length), HQ \(shape.queryHeads), H \(shape.heads), "
        + "K \(shape.keyDim), V \(shape.valueDim), "
        + "\(shape.segments) \(shape.segments == 1 ? "segment" : "segments")",
      "options    scale \(options.scale), \(options.gated ? "gate \(options.gate)" : "no gate")",
      "reference  \(options.form), Float64",
      "profile    \(report.profile.name.excerpt()), activation \(report.profile.activation), \(report.profile.sampling)",
    ]
    lines += report.notes.map { "note       \($0)" }
    lines += report.warnings.map { "warning    \($0)" }
    lines.append("")
    lines += VerdictTable("tensor", report.judged).lines
    // There is no ratio to a reference of zero, nor of what is no number.
    func ratio(_ value: Double, _ format: String) -> String { value.isFinite ? number(value, format) : "–" }
    lines.append("")
    lines +=
      TextTable(
        header: ["tensor", "passes as allclose with", "NMSE", "1 − cosine", "max ulp"],
        rows: report.judged.map { tensor in
          [
            tensor.name,
            "rtol \(number(tensor.metrics.rtol.value, "%.2g")), atol \(number(tensor.metrics.atol.value, "%.2g"))",
            ratio(tensor.metrics.nmse.value, "%.2g"), ratio(1 - tensor.metrics.cosine.value, "%.2g"),
            ratio(tensor.metrics.maxUlp.value, "%.3g"),
          ]
        }
      ).lines
    if !report.identities.isEmpty {
      lines.append("")
      lines +=
        TextTable(
          header: ["identity of the candidate's own gradients", "residual", "limit", "holds"],
          rows: report.identities.map { identity in
            [
              identity.name.formula, number(identity.residual.value, "%.3g"), number(identity.limit.value, "%.2g"),
              identity.holds ? "yes" : "NO",
            ]
          }
        ).lines
    }
    if let wrong = report.firstWrongStages { lines += [""] + wrong.map { "origin     \($0)" } }
    lines += report.diagnosis.map(diagnosisLines) ?? []
    lines += report.blindSpots.map(blindSpotLines) ?? []
    lines += ["", "verdict    \(report.isUnjudged ? "NOT JUDGED" : report.verdict.rawValue.uppercased())"]
    text = lines.map(\.printable).joined(separator: "\n")
  }
}

private func diagnosisLines(_ diagnosis: Diagnosis) -> [String] {
  [""] + diagnosis.tensors.map { "diagnosis  \($0.name) \($0)" }
    + [diagnosis.note, diagnosis.cause].compactMap { $0 }.map { "           \($0)" }
}

/// What a pass does not say, and for which block sizes.
private func blindSpotLines(_ spots: [BlindSpot]) -> [String] {
  guard !spots.isEmpty else { return [] }
  func line(_ heading: String, _ ids: [String]) -> [String] {
    ids.isEmpty ? [] : ["  \(heading): \(ids.joined(separator: ", "))"]
  }
  let sizes = Set(spots.flatMap { $0.blockSizes ?? [] }).sorted()
  return ["", "blind spots: what these inputs cannot tell from the definition, so that a pass says nothing of it"]
    + line("any blocks", spots.filter { $0.blockSizes == nil }.map(\.variant))
    + sizes.flatMap { size in
      line("blocks of \(size)", spots.filter { $0.blockSizes?.contains(size) ?? false }.map(\.variant))
    }
}
