import Synchronization

/// Counts the logits visited and reports the fraction done, at most a thousand times.
final class ProgressMeter: Sendable {
  private let total: Int
  private let done = Atomic(0)
  private let report: @Sendable (Double) -> Void

  init(total: Int, report: @escaping @Sendable (Double) -> Void) {
    self.total = max(1, total)
    self.report = report
  }

  func add(_ count: Int) {
    let (before, after) = done.wrappingAdd(count, ordering: .relaxed)
    if before * 1000 / total != after * 1000 / total || after == total { report(Double(after) / Double(total)) }
  }
}
