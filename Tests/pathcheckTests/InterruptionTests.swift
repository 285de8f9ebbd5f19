import Checking
import Foundation
import PathAttention
import Problems
import Testing

/// Whatever ends a check, and whenever: user files stay as they are, and a file under its final name is whole.
///
/// `PATH_INTERRUPTIONS` sets how many trials there are, `PATH_FUZZ_SEED` where they start.
@Suite struct InterruptionTests {
  private enum Interruption: String, CaseIterable {
    /// kill −9.
    case killed
    /// Ctrl-C.
    case interrupted
    /// A limit on the size of files, which looks like a full disk.
    case full
  }

  @Test("kill -9, Ctrl-C and a full disk at random moments")
  func moments() throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["PATH_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    let count = environment["PATH_INTERRUPTIONS"].flatMap { Int($0) } ?? 60
    let temporary = try TemporaryFolder()
    let folder = temporary.url.path
    let input = "\(folder)/case.safetensors"
    var sample = try CheckCommandTests.Sample(CheckCommandTests.line)
    sample["o"].entries[3] += 1
    try sample.write(to: input)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: input))
    let (kept, new) = ("\(folder)/report.json", "\(folder)/report.html")
    let old = Data("a report of yesterday\n".utf8)
    func run(_ shell: String?) throws -> ChildProcess {
      try ChildProcess(
        ["check", input, "--no-variants", "--json", kept, "--html", new, "--overwrite"], output: "/dev/null",
        error: "\(folder)/error", shell: shell)
    }
    let start = ContinuousClock.now
    #expect(try run(nil).wait() == 1)
    let length = (ContinuousClock.now - start) / .microseconds(1)
    let whole = [kept, new].map { FileManager.default.contents(atPath: $0)!.count }

    var random = SeededGenerator(seed: seed, part: "interruptions")
    for trial in 0..<count {
      let interruption = Interruption.allCases[trial % Interruption.allCases.count]
      try old.write(to: URL(fileURLWithPath: kept))
      try? FileManager.default.removeItem(atPath: new)
      // More than any check takes, so that some end by themselves; the end, where files are written, is aimed at.
      let moment = Double.random(in: Bool.random(using: &random) ? 0...1.2 : 0.7...1.1, using: &random) * length
      let blocks = Int.random(in: 0...whole.max()! / 1024 + 2, using: &random)
      let child = try run(interruption == .full ? "ulimit -f \(blocks)" : nil)
      if interruption != .full {
        usleep(UInt32(moment))
        kill(child.identifier, interruption == .killed ? SIGKILL : SIGINT)
      }
      let status = child.wait()
      let label: Comment = "seed \(seed), trial \(trial): \(interruption.rawValue), \(Int(moment)) µs, \(blocks) kB"
      switch interruption {
      case .killed: #expect([-SIGKILL, 1].contains(status), label)
      case .interrupted: #expect([-SIGINT, 1].contains(status), label)
      case .full: #expect([1, 2].contains(status), label)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: input)) == bytes, label)
      let report = try Data(contentsOf: URL(fileURLWithPath: kept))
      #expect(report == old || (try? JSONDecoder().decode(CrossCheckReport.self, from: report)) != nil, label)
      if let page = FileManager.default.contents(atPath: new) {
        #expect(String(decoding: page, as: UTF8.self).hasSuffix("</html>\n"), label)
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      if interruption != .killed { #expect(!names.contains { $0.hasPrefix(".pathcheck") }, label) }
      for name in names where name.hasPrefix(".pathcheck") {
        try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }
}
