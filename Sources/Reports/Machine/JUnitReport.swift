import Checking
import Foundation
import TensorFiles

/// A report as JUnit XML, for systems that count tests: one test case per tensor. A marginal one is a failure of its own type,
/// unless that is accepted; one that could not be judged is an error.
public struct JUnitReport: Sendable {
  /// The document.
  public let xml: String

  /// Writes a report.
  ///
  /// - Parameters:
  ///   - report: What is written.
  ///   - acceptsMarginal: Whether marginal ones pass, and say so.
  public init(_ report: CrossCheckReport, acceptsMarginal: Bool = false) {
    let errors = report.judged.count(where: \.isUnjudged)
    let failures = report.judged.count { $0.verdict == .fail || ($0.verdict == .marginal && !acceptsMarginal) } - errors
    let name = report.case.excerpt().escapedForXML
    let counts = "tests=\"\(report.judged.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
    let cases = report.judged.map { tensor in
      let measured =
        "\(tensor.name) (\(tensor.dtype)): \(format(tensor.envelopeMultiple.value, "%.3g")) times the envelope of profile "
        + "\(report.profile.name.excerpt()), relative RMS \(format(tensor.rmsRatio.value, "%.5g")), max abs "
        + "\(format(tensor.maxAbs.value, "%.3g"))" + (tensor.maxAbsAt.map { " at \($0)" } ?? "")
      let start = "    <testcase classname=\"\(name)\" name=\"\(tensor.name)\">"
      let unjudged = (tensor.unjudged ?? []).map {
        "\($0.rows) of \(tensor.rows) rows not judged: \($0.words)"
      }
      let diagnosis = report.diagnosis?.tensors.filter { $0.name == tensor.name }.map { "\($0)" } ?? []
      let lines = ([measured] + (tensor.location?.pattern ?? []) + unjudged + diagnosis).joined(separator: "\n")
      func problem(_ element: String, _ type: String) -> String {
        """
        \(start)
              <\(element) type="\(type)" message="\(measured.escapedForXML)">\(lines.escapedForXML)</\(element)>
            </testcase>
        """
      }
      switch tensor.verdict {
      case .pass: return "\(start)</testcase>"
      case .marginal where acceptsMarginal:
        return "\(start)\n      <system-out>marginal: \(lines.escapedForXML)</system-out>\n    </testcase>"
      case .marginal: return problem("failure", "marginal")
      case .fail: return tensor.isUnjudged ? problem("error", "not judged") : problem("failure", "fail")
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
