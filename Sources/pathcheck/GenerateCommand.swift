import ArgumentParser
import Checking
import Foundation
import PathAttention
import Reports
import TensorFiles

/// `pathcheck generate`: cases to test other implementations with.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Generate test cases with reference outputs, and say what each is good for.",
    discussion: """
      Writes one safetensors file per case into FOLDER, in the layout that `pathcheck check` reads: inputs, do, and the \
      outputs o, lse, dq, dk, dv, dw, dbeta, dg that an implementation has to give. Inputs are rounded to the dtype first; \
      outputs are those of the rounded inputs in Float64, rounded once. Run your kernel on q … do, put its outputs in place \
      of ours, and check the file.

      Families: random; discriminating (tells every known mistake from the definition and from every other one); exact \
      (compare bit for bit); adversarial (legal, and hard on implementations). \(GenerateCommand.manifestName) in FOLDER and \
      the table on standard output say what each case is for, and which known mistakes it catches: those that differ from \
      the definition by ten times the honest error of an implementation in the dtype.
      """)

  static let manifestName = "manifest.json"

  @Argument(help: "The folder to write to; it is made if it is not there.")
  var folder: String

  @Option(parsing: .upToNextOption, help: "The kinds of cases.")
  var family: [CaseFamily] = CaseFamily.allCases

  @Option(
    help: ArgumentHelp(
      "What q, k, v, do and the outputs like them are stored in: bf16, f16, f32 or f64. The others have at least f32."))
  var dtype: ElementType = .bfloat16

  @Option(help: "Where all random numbers start.")
  var seed: UInt64 = 1

  @Option(help: "How many random cases.")
  var count: Int = 3

  @Option(parsing: .upToNextOption, help: "Block sizes of the implementations to be tested.")
  var blockSize: [Int] = [16, 32, 64]

  @Option(help: "Sequences. Default: by family, as for the other sizes.")
  var batch: Int?

  @Option(help: "Tokens per sequence.")
  var length: Int?

  @Option(help: "Query heads, a multiple of the key/value heads.")
  var queryHeads: Int?

  @Option(help: "Key/value heads.")
  var heads: Int?

  @Option(help: "Lanes of q, k and w.")
  var keyDim: Int?

  @Option(help: "Lanes of v.")
  var valueDim: Int?

  @Flag(help: "Do not measure which known mistakes each case catches; quicker.")
  var noVariants = false

  @OptionGroup var memory: MemoryOptions

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  func validate() throws {
    for (name, value) in [
      ("--batch", batch), ("--length", length), ("--query-heads", queryHeads), ("--heads", heads),
      ("--key-dim", keyDim), ("--value-dim", valueDim),
    ] {
      try OptionRange.check(name, value, OptionRange.size)
    }
    try OptionRange.check("--count", count, OptionRange.count)
    // Blocks of one row have no reflections within them to get wrong.
    for size in blockSize { try OptionRange.check("--block-size", size, 2...OptionRange.blockSize.upperBound) }
    try OptionRange.check(queryHeads: queryHeads, heads: heads)
  }

  func run() throws {
    let progress = TerminalProgress("studying")
    let request = GenerationRequest(
      families: family, elementType: dtype, seed: seed, count: count,
      sizes: CaseSizes(
        batch: batch, length: length, queryHeads: queryHeads, heads: heads, keyDim: keyDim, valueDim: valueDim),
      blockSizes: blockSize)
    try memory.admit(request.memoryEstimate)
    let manifest: CaseManifest
    var reports: Reports
    do {
      try OutputFile.tryFolder(folder)
      let cases = try GeneratedCases(request)
      // Looked at before the study, which takes the time; those that are new are all in the folder that was tried.
      for name in cases.fileNames + [Self.manifestName] where FileManager.default.fileExists(atPath: path(name)) {
        _ = try ReportFile(path: path(name), overwrite: overwrite)
      }
      manifest = try cases.manifest(studiesVariants: !noVariants, onProgress: progress.report)
      progress.finish()
      try cases.write(to: folder, overwriting: overwrite)
      reports = try Reports([(Self.manifestName, path(Self.manifestName))], overwrite: overwrite)
    } catch let failure as Failure {
      throw failure
    } catch {
      progress.finish()
      throw Failure("\(error)")
    }
    reports.print(ManifestTable(manifest).text)
    reports.write(Self.manifestName) { try Data(json: manifest) }
    try reports.finish()
  }

  private func path(_ name: String) -> String { URL(fileURLWithPath: folder).appending(path: name).path }
}

extension CaseFamily: ExpressibleByArgument {}

extension ElementType: ExpressibleByArgument {
  /// The floating-point types by their names in lower case.
  public init?(argument: String) {
    self.init(rawValue: argument.uppercased())
    guard format != nil else { return nil }
  }

  /// Those that it takes.
  public static var allValueStrings: [String] {
    allCases.filter { $0.format != nil }.map(\.rawValue).map { $0.lowercased() }
  }

  /// As it is typed.
  public var defaultValueDescription: String { rawValue.lowercased() }
}
