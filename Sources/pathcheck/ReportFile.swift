import Foundation

/// Where a JSON report goes: a file that does not exist yet, or standard output.
struct ReportFile {
  let path: String
  let overwrite: Bool

  func write(_ report: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(report) + Data("\n".utf8)
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
