import ArgumentParser
import Foundation
import TensorFiles

/// Where a report goes: a file, or standard output.
struct ReportFile {
  private let file: OutputFile?

  /// Looks whether a report can be written there.
  ///
  /// - Parameter path: A path, or - for standard output.
  init(path: String, overwrite: Bool) throws(Failure) {
    if path == "-" || path == "/dev/stdout" {
      file = nil
      return
    }
    let file = try ReportFile.naming { () throws(TensorFileError) in try OutputFile(path, overwriting: overwrite) }
    guard !file.isStandardStream else {
      throw Failure("\(path): standard output or standard error goes to this file")
    }
    self.file = file
  }

  var isStandardOutput: Bool { file == nil }

  /// Equal for two reports that would end in one place. Nothing for a device, which takes any number.
  fileprivate var identity: AnyHashable? {
    guard let file else { return "-" }
    return file.identity.map(AnyHashable.init)
  }

  func write(_ data: Data) throws {
    guard let file else { return try StandardStreams.write(data) }
    try ReportFile.naming { () throws(TensorFileError) in try file.write(data) }
  }

  private static func naming<Result>(_ body: () throws(TensorFileError) -> Result) throws(Failure) -> Result {
    do {
      return try body()
    } catch .exists(let path) {
      throw Failure("\(path): the file exists; --overwrite replaces it")
    } catch {
      throw Failure("\(error)")
    }
  }
}

extension Data {
  /// A report as JSON.
  init(json report: some Encodable) throws {
    let encoder = JSONEncoder()
    // Numbers that a report does not expect to be infinite are written as those that it does.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    self = try encoder.encode(report) + Data("\n".utf8)
  }

  /// A text.
  init(text: String) { self.init(text.utf8) }
}

/// The reports of a command: looked at before the work starts, handed out when it is done.
struct Reports {
  private let files: [String: ReportFile]
  private var failures: [any Error] = []

  /// - Parameters:
  ///   - paths: Where reports are to go, by the options that say so.
  ///   - inputs: The files that are read, of which none may be written.
  ///   - overwrite: Whether files may be replaced.
  /// - Throws: `Failure` when a report cannot be written where it should, or would replace an input; `ValidationError` when
  ///   two would go to one place.
  init(
    _ paths: [(option: String, path: String?)], inputs: [String] = [], overwrite: Bool
  ) throws {
    var files: [String: ReportFile] = [:]
    var options: [AnyHashable: String] = [:]
    for (option, path) in paths {
      guard let path else { continue }
      // Before anything else is said of the file, because no option would help.
      if let input = inputs.first(where: {
        FileIdentity(path: path) != nil && FileIdentity(path: $0) == FileIdentity(path: path)
      }) {
        throw Failure(
          "\(option) \(path): this is \(input == path ? "" : "\(input), ")a file that is read; nothing is written to it"
        )
      }
      let file = try ReportFile(path: path, overwrite: overwrite)
      if let identity = file.identity, let other = options.updateValue(option, forKey: identity) {
        throw ValidationError("\(other) and \(option) go to one place, \(path)")
      }
      files[option] = file
    }
    self.files = files
  }

  /// Whether standard output is free for a table.
  var printsTable: Bool { !files.values.contains(where: \.isStandardOutput) }

  /// Whether anything is written elsewhere.
  var hasFiles: Bool { files.values.contains { !$0.isStandardOutput } }

  /// Prints a table, unless a report takes its place. What fails is said at the end.
  mutating func print(_ text: @autoclosure () -> String) {
    if printsTable { attempt { try StandardStreams.print(text()) } }
  }

  /// Writes the report of an option, if it was given. What fails keeps no other report from being written.
  mutating func write(_ option: String, _ data: () throws -> Data) {
    if let file = files[option] { attempt { try file.write(try data()) } }
  }

  private mutating func attempt(_ body: () throws -> Void) {
    do { try body() } catch { failures.append(error) }
  }

  /// - Throws: What kept reports from being handed out.
  func finish() throws {
    // What is nobody's fault but the program's is said first.
    if let error = failures.first(where: { !($0 is Failure) && !($0 is ClosedPipe) }) { throw error }
    let failed = failures.compactMap { $0 as? Failure }
    if !failed.isEmpty { throw Failure(failed) }
    if let closed = failures.first { throw closed }
  }
}
