import Judging
import PathAttention

/// A report with what is too long for it.
public struct DetailedCrossCheck: Sendable {
  /// The report.
  public let report: CrossCheckReport
  /// One map for every tensor of the candidate, in the order of `CrossCheckReport.judged`.
  public let maps: [ErrorMap]
  /// The logits, if they were asked for and there are any.
  public let logits: LogitTiles?

  package init(report: CrossCheckReport, maps: [ErrorMap], logits: LogitTiles? = nil) {
    self.report = report
    self.maps = maps
    self.logits = logits
  }
}
