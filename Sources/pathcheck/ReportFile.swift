import Foundation

/// Where a report goes: a file that does not exist yet, or standard output.
struct ReportFile {
  let path: String
  let overwrite: Bool

  /// Writes a report as JSON.
  func write(_ report: some Encodable) throws {
    let encoder = JSONEncoder()
    // Numbers that a report does not expect to be infinite are written as those that it does.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(encoder.encode(report) + Data("\n".utf8))
  }

  /// Writes a text.
  func write(text: String) throws { try write(Data(text.utf8)) }

  private func write(_ data: Data) throws {
    if path == "-" {
      FileHandle.standardOutput.write(data)
      return
    }
    do {
      try data.write(to: URL(fileURLWithPath: path), options: overwrite ? .atomic : .withoutOverwriting)
    } catch CocoaError.fileWriteFileExists {
      throw Failure("\(path): the file exists; --overwrite replaces it")
    } catch {
      throw Failure("\(path): cannot be written: \(error.localizedDescription)")
    }
  }
}

/// Stops before long work whose results could not be written, unless they may replace what is there.
func checkAbsent(_ paths: [String]) throws {
  for path in paths where FileManager.default.fileExists(atPath: path) {
    throw Failure("\(path): the file exists; --overwrite replaces it")
  }
}
