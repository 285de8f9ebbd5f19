import Foundation
import PathAttention
import Reports
import Synchronization
import Testing

/// The whole command on changed files of every kind: it keeps its contract whatever it is given.
///
/// `PATH_FUZZ_TRIALS` sets how many trials there are, `PATH_FUZZ_SEED` where they start, `PATH_FUZZ_ONLY` the number of a
/// single one, whose folder is kept.
@Suite struct CommandFuzzTests {
  private static func setting(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }

  @Test("No signal, no exit code outside the contract, no report that does not parse, nothing wrong that passes")
  func trials() throws {
    let seed = UInt64(Self.setting("PATH_FUZZ_SEED") ?? 1)
    let only = Self.setting("PATH_FUZZ_ONLY")
    let numbers = only.map { $0...$0 } ?? 1...(Self.setting("PATH_FUZZ_TRIALS") ?? 500)
    let corpus = try FuzzTrial.Corpus()
    let failures = Mutex<[String]>([])
    let next = Mutex(numbers.lowerBound)
    let codes = Mutex<[FuzzExpectation: Int]>([:])
    DispatchQueue.concurrentPerform(iterations: ProcessInfo.processInfo.activeProcessorCount) { _ in
      let folder = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID().uuidString)").path
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      while let number = next.withLock({ next -> Int? in
        guard numbers.contains(next) else { return nil }
        next += 1
        return next - 1
      }) {
        let trial = FuzzTrial(seed: seed, number: number, corpus)
        codes.withLock { $0[trial.expectation, default: 0] += 1 }
        let problem: String?
        do { problem = try trial.run(in: folder) } catch { problem = "\(error)" }
        if let problem {
          let words = trial.arguments.joined(separator: " ")
          failures.withLock {
            $0.append("PATH_FUZZ_SEED=\(seed) PATH_FUZZ_ONLY=\(number): pathcheck \(words): \(problem)")
          }
        }
      }
      if only == nil { try? FileManager.default.removeItem(atPath: folder) } else { print("kept: \(folder)") }
    }
    for failure in failures.withLock({ $0 }).sorted().prefix(20) { Issue.record("\(failure)") }
    #expect(failures.withLock(\.count) == 0)
    // Each kind of trial is there, or nothing was tested.
    if only == nil {
      for expectation in [FuzzExpectation.passes, .doesNotPass, .anything] {
        #expect(codes.withLock { $0[expectation] ?? 0 } >= numbers.count / 50, "\(expectation)")
      }
    }
  }
}
