import ArgumentParser

/// Where the report goes as JSON, and whether files may be replaced.
struct ReportOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the report as JSON; - for standard output.", valueName: "file"))
  var json: String?

  @Flag(help: "Replace files that exist. Files that are read are never replaced.")
  var overwrite = false

  /// The reports of a command, with others beside the JSON.
  func reports(
    _ others: [(option: String, path: String?)] = [], inputs: [String] = []
  ) throws -> Reports {
    try Reports([("--json", json)] + others, inputs: inputs, overwrite: overwrite)
  }
}
