import Foundation
import TensorFiles

/// A report as JUnit XML, for systems that count tests: one test case per tensor. Marginal ones pass and say so.
public struct JUnitReport: Sendable {
  /// The document.
  public let xml: String

  /// Writes a report.
  public init(_ report: CrossCheckReport) {
    let failures = report.judged.count { $0.verdict == .fail }
    let name = report.case.excerpt().escapedForXML
    let counts = "tests=\"\(report.judged.count)\" failures=\"\(failures)\" errors=\"0\""
    let cases = report.judged.map { tensor in
      let measured =
        "\(tensor.name) (\(tensor.dtype)): \(format(tensor.envelopeMultiple.value, "%.3g")) times the envelope of profile "
        + "\(report.profile.name.excerpt()), relative RMS \(format(tensor.rmsRatio.value, "%.5g")), max abs "
        + "\(format(tensor.maxAbs.value, "%.3g"))" + (tensor.maxAbsAt.map { " at \($0)" } ?? "")
      let start = "    <testcase classname=\"\(name)\" name=\"\(tensor.name)\">"
      switch tensor.verdict {
      case .pass: return "\(start)</testcase>"
      case .marginal:
        return "\(start)\n      <system-out>marginal: \(measured.escapedForXML)</system-out>\n    </testcase>"
      case .fail:
        let diagnosis = report.diagnosis?.tensors.filter { $0.name == tensor.name }.map { "\($0)" } ?? []
        let lines = [measured] + (tensor.location?.pattern ?? []) + diagnosis
        return """
          \(start)
                <failure message="\(measured.escapedForXML)">\(lines.joined(separator: "\n").escapedForXML)</failure>
              </testcase>
          """
      }
    }
    xml = """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites \(counts)>
        <testsuite name="pathcheck check \(name)" \(counts)>
      \(cases.joined(separator: "\n"))
        </testsuite>
      </testsuites>

      """
  }
}

private func format(_ value: Double, _ pattern: String) -> String { String(format: pattern, value) }
