import ArgumentParser
import Checking
import Foundation
import Judging
import PathAttention
import Reports

/// `pathcheck check`: a candidate's outputs against the reference.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Compare the outputs of another implementation with the reference.",
    discussion: """
      FILE is a safetensors file with the inputs

        q [B,T,HQ,K]   k [B,T,H,K]   v [B,T,H,V]   w [B,T,H,K]   beta [B,T,H]
        optional: g [B,T,HQ] (log forget gate), cu_seqlens [N+1] (packed sequences, B = 1), do [B,T,HQ,V]

      and any of the outputs

        o [B,T,HQ,V]   lse [B,T,HQ] (natural log)   dq dk dv dw dbeta dg (each like its input; they need do)

      and of the intermediate results, for blocks of n tokens

        m_inverse [B,T,H,n] (M⁻¹)   transform [B,T,H,n] (M⁻¹ diag(β))   transformed_w [B,T,H,K] (U = T W)
        adjusted_k [B,T,H,K]   adjusted_q [B,T,HQ,K]   logits [B,T,HQ,T]

      as F64, F32, F16 or BF16. With intermediate results the first wrong step is named. w and beta are taken as they are: \
      w already normalised, beta already in (0, 2). HQ is a multiple of H, and query head h reads key/value head h / (HQ/H). The reference is computed in Float64 from \
      the inputs exactly as stored. How large an honest error is, in every row of every output, is told by running it again \
      with the rounding of a profile (see --profile), at random: that is the envelope. An output passes up to 2 times the \
      envelope, and is marginal up to 4 times. Rows of which nothing can be said, because honest kernels overflow there or \
      rounding decides which keys are attended to, are counted; an output that has some is marginal at best.

      Metadata strings of the file that count: scale (a number), gate (scaled or unscaled), case (a name), block_size (n; \
      the rows per block of your kernel).
      """)

  @Argument(help: "The safetensors file with the inputs, and with the outputs unless --candidate is given.")
  var file: String

  @Option(help: ArgumentHelp("A second file, with the outputs to be judged.", valueName: "file2"))
  var candidate: String?

  @OptionGroup var logits: LogitOptions

  @Option(
    help: ArgumentHelp(
      "How the reference is computed: sequential (the definition), wy (compact WY) or blockwise. "
        + "Default: sequential while HQ·ΣL²·K ≤ 2^30 (L: lengths of the segments), else blockwise."))
  var form: FormName?

  @Option(
    help: ArgumentHelp(
      "Where your kernel rounds: \(NumericsProfile.shipped.map(\.name).joined(separator: ", ")), or a JSON file "
        + "(Docs/Envelopes.md). Default: bf16, f16, f32 or f64, by the coarsest dtype of q, k, v and do.",
      valueName: "name|file"))
  var profile: String?

  @Option(
    help: ArgumentHelp(
      "Rows per block of your kernel. Default: what the file says, else the profile; where none does, the envelope is the "
        + "largest over blocks of 16 to 128. The blockwise form of the reference takes it too, or 64.",
      valueName: "rows"))
  var blockSize: Int?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Names in your file that differ, like dbeta=db o=out.", valueName: "name=yours"))
  var rename: [Renaming] = []

  @Option(
    help: ArgumentHelp(
      "Order of the axes in your file: bthd [B,T,H,D] (default) or bhtd [B,H,T,D], and of tensors in which it is another one, "
        + "like --layout lse=bht for o [B,T,H,D] and lse [B,H,T], or --layout bhtd,beta=bth.",
      valueName: "order,…"))
  var layout: LayoutChoices = LayoutChoices()

  @Option(
    help: ArgumentHelp(
      "JudgedSubmission only this many query rows of o, lse and dq, for sequences too long to compute whole: the ends of segments, "
        + "edges of blocks, the rest at random. The other gradients are judged if do is zero in nearly all rows.",
      valueName: "count"))
  var rows: Int?

  @Flag(help: "Do not compare with known mistakes; quicker, and a failure stays without a name.")
  var noVariants = false

  @OptionGroup var memory: MemoryOptions

  @OptionGroup var verdict: VerdictOptions

  @OptionGroup var output: ReportOptions

  @Option(
    help: ArgumentHelp(
      "Write the report as one HTML page that needs nothing else, with maps of the error over tokens and heads.",
      valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Write the report as JUnit XML, one test per tensor.", valueName: "file"))
  var junit: String?

  func validate() throws {
    try OptionRange.check("--block-size", blockSize, 1...4096)
    try OptionRange.check("--rows", rows, OptionRange.size)
    let repeated = Dictionary(grouping: rename, by: \.tensor).filter { $1.count > 1 }
    if let tensor = repeated.keys.first { throw ValidationError("--rename names '\(tensor)' twice") }
  }

  func run() throws {
    var reports = try output.reports(
      [("--html", html), ("--junit", junit)], inputs: [file, candidate, profile].compactMap { $0 })
    let progress = TerminalProgress("checking")
    let result: DetailedCrossCheck
    do {
      result = try detailedCrossCheck(
        CrossCheckRequest(
          inputs: file, candidate: candidate, scale: logits.scale, gate: logits.gate,
          form: form?.form(blockSize: blockSize ?? 64),
          profile: try profile.map(NumericsProfile.named), blockSize: blockSize,
          layout: layout.order, layouts: layout.exceptions,
          names: rename.names, stageNames: rename.stageNames, rows: rows,
          studiesVariants: !noVariants, mapsLogits: html != nil, memoryLimit: memory.limit, onProgress: progress.report)
      )
    } catch {
      progress.finish()
      throw Failure("\(error)")
    }
    progress.finish()
    let report = result.report
    reports.print(CheckTable(report).text)
    reports.write("--json") { try Data(json: report) }
    reports.write("--html") { Data(text: ReportPage(result, command: commandLine).html) }
    reports.write("--junit") { Data(text: JUnitReport(report, acceptsMarginal: verdict.acceptMarginal).xml) }
    try reports.finish()
    try verdict.end(report.verdict, isUnjudged: report.isUnjudged)
  }

  /// The command as it would be typed into a shell.
  private var commandLine: String {
    let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./=:,+@%"))
    let words = CommandLine.arguments.dropFirst().map { word in
      !word.isEmpty && word.unicodeScalars.allSatisfy(plain.contains)
        ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }
    return (["pathcheck"] + words).joined(separator: " ")
  }
}

/// The forms by the names they have on the command line.
enum FormName: String, ExpressibleByArgument, CaseIterable {
  case sequential
  case wy
  case blockwise

  func form(blockSize: Int, levels: Int = 6) -> AttentionForm {
    switch self {
    case .sequential: .sequentialProduct
    case .wy: .compactWY
    case .blockwise: .blockwise(blockSize: blockSize, levels: levels)
    }
  }
}

/// `dbeta=db`: our name of a tensor, and the one it has in a file.
struct Renaming: ExpressibleByArgument {
  let tensor: String
  let name: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, AttentionTensor(rawValue: parts[0]) != nil || Stage(rawValue: parts[0]) != nil
    else { return nil }
    (tensor, name) = (parts[0], parts[1])
  }
}

extension [Renaming] {
  /// The names that inputs, outputs and gradients have in the file.
  var names: [AttentionTensor: String] { names(AttentionTensor.init(rawValue:)) }

  /// The names that intermediate results have there.
  var stageNames: [Stage: String] { names(Stage.init(rawValue:)) }

  private func names<Key>(_ key: (String) -> Key?) -> [Key: String] {
    Dictionary(uniqueKeysWithValues: compactMap { renaming in key(renaming.tensor).map { ($0, renaming.name) } })
  }
}

/// `bhtd,beta=bth`: the order of the axes in all tensors, and in some.
struct LayoutChoices: ExpressibleByArgument {
  private(set) var order = TensorLayout.bthd
  private(set) var exceptions: [AttentionTensor: TensorLayout] = [:]

  init() {}

  init?(argument: String) {
    var hasOrder = false
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let layout = Self.layout(sides.last!) else { return nil }
      if sides.count == 2 {
        guard let tensor = AttentionTensor(rawValue: sides[0]), exceptions[tensor] == nil else { return nil }
        exceptions[tensor] = layout
      } else {
        guard !hasOrder else { return nil }
        (order, hasOrder) = (layout, true)
      }
    }
  }

  /// Tensors without lanes have no last letter.
  private static func layout(_ name: String) -> TensorLayout? {
    switch name {
    case "bthd", "bth": .bthd
    case "bhtd", "bht": .bhtd
    default: nil
    }
  }

  var defaultValueDescription: String { TensorLayout.bthd.rawValue }
}
