import ArgumentParser

/// Where the report goes as JSON, and whether files may be replaced.
struct ReportOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the report as JSON; - for standard output.", valueName: "file"))
  var json: String?

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  /// Whether standard output is free for a table.
  var printsTable: Bool { json != "-" }

  /// Writes a report, if one is asked for.
  func write(_ report: some Encodable) throws {
    if let json { try file(json).write(report) }
  }

  /// A file among those that the flag is about.
  func file(_ path: String) -> ReportFile { ReportFile(path: path, overwrite: overwrite) }
}
