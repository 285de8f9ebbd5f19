import Foundation
import PathAttention

/// The command line as a process, as a user runs it.
struct CommandLine {
  let status: Int32
  let output: String
  let error: String

  /// The repository, from the place of this file.
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func fixture(_ name: String) -> String { repository.appending(path: "Fixtures/\(name).safetensors").path }

  /// The test bundle and the executable are built into the same folder.
  static func program() throws -> String {
    let places = [
      Bundle.main.bundleURL, URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent(),
    ].map { $0.appending(path: "pathcheck").path }
    guard let path = places.first(where: FileManager.default.isExecutableFile) else {
      throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: places[0]])
    }
    return path
  }

  /// The largest resident size, in bytes, that `pathcheck` reaches with arguments, as the system last said before it ended
  /// (Linux). What it prints is thrown away.
  static func peakMemory(_ arguments: String...) throws -> Int {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try program())
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var peak = 0
    while process.isRunning {
      // Before the process is pathcheck, it has the memory of the tests.
      if let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .ascii),
        status.contains("Name:\tpathcheck\n"), let line = status.firstMatch(of: /VmHWM:\s*(\d+) kB/)
      {
        peak = max(peak, 1024 * Int(line.1)!)
      }
      usleep(1000)
    }
    return peak
  }

  /// Runs `pathcheck` with arguments and waits for it.
  init(_ arguments: String...) throws { try self.init(arguments) }

  /// The same with arguments in an array.
  init(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try Self.program())
    process.arguments = arguments
    // Files rather than pipes, which a long output would fill while nobody reads.
    let folder = try TemporaryFolder()
    let (output, error) = (folder.file("output"), folder.file("error"))
    for path in [output, error] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: error)
    try process.run()
    process.waitUntilExit()
    status = process.terminationStatus
    self.output = try String(contentsOfFile: output, encoding: .utf8)
    self.error = try String(contentsOfFile: error, encoding: .utf8)
  }
}

/// A folder that goes away with its last user.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "pathcheck-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func file(_ name: String) -> String { url.appending(path: name).path }
}
