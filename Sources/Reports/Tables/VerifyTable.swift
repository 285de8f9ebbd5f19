import Evidence
import Problems

/// The report of `pathcheck verify` as text.
package struct VerifyTable {
  package let text: String

  package init(_ report: SuiteReport, replay: Problem?) {
    var lines = [
      replay.map { "problem    \($0)" } ?? "problems   \(report.problems), drawn from seed \(report.seed)",
      "forms      sequential product, compact WY, blockwise (blocks of each problem)",
    ]
    for family in CheckFamily.allCases {
      lines.append("")
      lines +=
        TextTable(
          header: [family.title, "problems", "Float64", "prime field", "statement"],
          rows: report.checks.filter { $0.family == family }.map { check in
            [
              check.name, "\(check.double?.problems ?? check.exact?.problems ?? 0)",
              check.double.map(Self.measured) ?? "–", check.exact.map(Self.equality) ?? "–", check.statement,
            ]
          }
        ).lines
    }
    if let certificate = report.certificate {
      lines += ["", "certificate", certificate.description]
    }
    for check in report.checks {
      for (arithmetic, outcome) in [("in Float64", check.double), ("over the prime field", check.exact)] {
        guard let failure = outcome?.failure else { continue }
        lines += [
          "", "\(check.name), \(arithmetic), does not hold: \(check.statement)",
          "  found    \(failure.found)", "  minimal  \(failure.minimal)", "  because  \(failure.message)",
          "  replay   pathcheck verify --replay \"\(failure.minimal)\"",
        ]
      }
    }
    let claims = report.certificate?.claims ?? []
    let statements = report.checks.count + claims.count
    let failed = report.checks.count { !$0.holds } + claims.count { !$0.holds }
    lines += [
      "",
      failed == 0
        ? "verdict    all \(statements) statements hold"
        : "verdict    \(failed) of \(statements) statements DO NOT HOLD",
    ]
    text = lines.joined(separator: "\n")
  }

  private static func measured(_ outcome: SuiteReport.Outcome) -> String {
    guard outcome.failure == nil && outcome.problems > 0 else { return equality(outcome) }
    return outcome.worst.value == 0 ? "equal" : number(outcome.worst.value, "%.2g of bound")
  }

  private static func equality(_ outcome: SuiteReport.Outcome) -> String {
    outcome.failure != nil ? "FAILS" : outcome.problems == 0 ? "–" : "equal"
  }
}

extension CheckFamily {
  fileprivate var title: String {
    switch self {
    case .agreement: "agreement of the forms"
    case .law: "law, kept by each form"
    }
  }
}
