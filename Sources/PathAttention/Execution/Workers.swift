import Dispatch
import Foundation
import Synchronization

/// Runs independent tasks 0 ..< count on a number of threads, each taking the next task when it has finished one.
///
/// Tasks must not depend on which thread runs them or when; then results do not either.
func performTasks(_ count: Int, threads: Int?, _ task: @Sendable (Int) -> Void) {
  let next = Atomic(0)
  @Sendable func work(_ worker: Int) {
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      task(index)
    }
  }
  let threads = min(count, threads ?? ProcessInfo.processInfo.activeProcessorCount)
  if threads > 1 {
    DispatchQueue.concurrentPerform(iterations: threads, execute: work)
  } else {
    work(0)
  }
}
