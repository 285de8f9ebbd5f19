import Dispatch
import Synchronization

/// Runs independent tasks 0 ..< count on a number of threads, each taking the next task when it has finished one.
///
/// Tasks must not depend on which thread runs them or when; then results do not either.
func performTasks(_ count: Int, threads: Int, _ task: @Sendable (Int) -> Void) {
  let next = Atomic(0)
  @Sendable func work(_ worker: Int) {
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      task(index)
    }
  }
  if min(count, threads) > 1 {
    DispatchQueue.concurrentPerform(iterations: min(count, threads), execute: work)
  } else {
    work(0)
  }
}

/// The results of independent tasks 0 ..< count, in order.
func mapTasks<Result: Sendable>(
  _ count: Int, threads: Int, _ task: @Sendable (Int) -> Result
) -> [Result] {
  // The empty array is one for all, of which not even the count may be written by two at a time.
  guard count > 0 else { return [] }
  return [Result](unsafeUninitializedCapacity: count) { buffer, initializedCount in
    // Every task writes an element of its own.
    nonisolated(unsafe) let elements = buffer
    performTasks(count, threads: threads) { elements.initializeElement(at: $0, to: task($0)) }
    initializedCount = count
  }
}

/// Changes every element of an array, each in a task of its own.
func changeTasks<Element: Sendable>(
  _ elements: inout [Element], threads: Int, _ task: @Sendable (Int, inout Element) -> Void
) {
  elements.withUnsafeMutableBufferPointer { buffer in
    // Every task changes an element of its own.
    nonisolated(unsafe) let elements = buffer
    performTasks(elements.count, threads: threads) { task($0, &elements[$0]) }
  }
}
