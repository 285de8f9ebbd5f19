import Foundation
import PathAttention

/// A folder in which the commands of one page are run one after another, as a reader does it in the repository. Files that
/// they write stay in the folder, which goes away with it.
final class Shell {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "pathcheck-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "Fixtures"), withDestinationURL: Page.repository.appending(path: "Fixtures"))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Puts a file into the folder.
  func write(_ lines: [String], to name: String) throws {
    let text = lines.joined(separator: "\n") + "\n"
    try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
  }

  /// Runs a command; what it prints, on both streams, line by line.
  func run(_ script: String, language: String = "sh") throws -> (status: Int32, lines: [String]) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = language == "python" ? ["python3", "-c", script] : ["bash", "-e", "-c", script]
    process.currentDirectoryURL = folder
    process.environment = Self.environment
    // A file rather than a pipe, which a long output would fill while nobody reads.
    let output = folder.appending(path: ".output")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    let handle = try FileHandle(forWritingTo: output)
    (process.standardOutput, process.standardError) = (handle, handle)
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOf: output, encoding: .utf8)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    if lines.last == "" { lines.removeLast() }
    return (process.terminationStatus, lines)
  }

  /// `pathcheck` is found beside the tests; `python3` is that of PATH_PYTHON, if there is one.
  private static let environment: [String: String] = {
    var environment = ProcessInfo.processInfo.environment
    var folders = [products.path]
    if let python = environment["PATH_PYTHON"] {
      folders.append(URL(fileURLWithPath: python).deletingLastPathComponent().path)
    }
    environment["PATH"] = (folders + [environment["PATH"] ?? ""]).joined(separator: ":")
    return environment
  }()

  /// The folder that the test bundle and the executable are built into.
  private static let products: URL = {
    let candidates = [
      Bundle.main.bundleURL, URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent(),
    ]
    return candidates.first { FileManager.default.isExecutableFile(atPath: $0.appending(path: "pathcheck").path) }
      ?? candidates[0]
  }()
}
