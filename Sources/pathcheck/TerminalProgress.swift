import Foundation
import Synchronization

/// A line on standard error that shows how much is done, if standard error is a terminal and the work is long.
final class TerminalProgress: Sendable {
  private struct State {
    var percent = -1
    var isShown = false
  }

  private let label: String
  private let start = ContinuousClock.now
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())

  /// - Parameter label: What is being done.
  init(_ label: String) { self.label = label }

  /// Shows a fraction of 1. May be called from any thread; a fraction that is late is not shown.
  func report(_ fraction: Double) {
    guard isTerminal, ContinuousClock.now - start > .seconds(1) else { return }
    state.withLock { state in
      let percent = Int(100 * fraction)
      guard percent > state.percent else { return }
      state.percent = percent
      state.isShown = true
      write("\r\(label): \(percent) %")
    }
  }

  /// Clears the line.
  func finish() {
    state.withLock { state in
      guard state.isShown else { return }
      write("\r\u{1B}[K")
      state.isShown = false
    }
  }

  private func write(_ text: String) { StandardStreams.complain(text) }
}
