import ArgumentParser
import Evidence
import Foundation
import PathAttention
import Reports

/// `pathcheck bench`: how long the forms take.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Time the three forms against the machine's matrix-product rate.",
    discussion: """
      Prints, for every form, pass, element type and length, the median time, the largest resident size, the rate in \
      Gflop/s counting only what plain causal attention needs (4·T²/2·d per query head forward, 14·T²/2·d with backward), \
      the rate of plain matrix products measured by turns with it, the one as a fraction of the other, and the exponent \
      with which the time has grown since the next shorter length.
      """)

  @Option(parsing: .upToNextOption, help: "Forms: sequential, wy, blockwise.")
  var form: [FormName] = [.blockwise]

  @Option(help: "Rows per block of the blockwise form.")
  var blockSize: Int = 64

  @Option(help: "How many times the blockwise form folds neighbouring blocks; 0 is the form of the paper.")
  var levels: Int = 6

  @Option(parsing: .upToNextOption, help: "Passes: forward, forwardBackward.")
  var pass: [BenchmarkPass] = [.forward, .forwardBackward]

  @Option(parsing: .upToNextOption, help: "Element types: f32, f64.")
  var dtype: [BenchmarkElementType] = [.f32, .f64]

  @Option(parsing: .upToNextOption, help: "Lengths T.")
  var length: [Int] = [1024, 4096]

  @Option(help: "Query heads.")
  var queryHeads: Int = 4

  @Option(help: "Key/value heads.")
  var heads: Int = 2

  @Option(help: "Lanes of q, k, v and w.")
  var headDim: Int = 64

  @Option(help: "Threads. Default: as many as there are cores.")
  var threads: Int = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: "Timed runs of each combination, after one that is not timed.")
  var repeats: Int = 5

  @Flag(help: "With a forget gate.")
  var gated = false

  @OptionGroup var memory: MemoryOptions

  @OptionGroup var output: ReportOptions

  @Option(
    help: ArgumentHelp(
      "Draw time.svg, rate.svg and memory.svg over the length, in this folder.", valueName: "folder"))
  var charts: String?

  func validate() throws {
    for (name, value) in [("--query-heads", queryHeads), ("--heads", heads), ("--head-dim", headDim)]
      + length.map({ ("--length", $0) })
    {
      try OptionRange.check(name, value, OptionRange.size)
    }
    try OptionRange.check("--block-size", blockSize, OptionRange.blockSize)
    try OptionRange.check("--levels", levels, OptionRange.levels)
    try OptionRange.check("--threads", threads, OptionRange.threads)
    try OptionRange.check("--repeats", repeats, OptionRange.count)
    try OptionRange.check(queryHeads: queryHeads, heads: heads)
  }

  func run() throws {
    let request = BenchmarkRequest(
      forms: form.map { $0.form(blockSize: blockSize, levels: levels) }, passes: pass,
      elementTypes: dtype, lengths: length,
      queryHeads: queryHeads, heads: heads, headDim: headDim, threads: threads, repeats: repeats, gated: gated)
    try memory.admit(request.memoryEstimate)
    let drawings = ["time", "rate", "memory"].map { name in (name, charts.map { "\($0)/\(name).svg" }) }
    var reports = try output.reports(drawings)
    reports.print(
      Self.row(["form", "pass", "dtype", "length", "median s", "peak MiB", "Gflop/s", "products", "ratio", "growth"]))
    let report: BenchmarkReport
    do {
      report = try benchmark(request) { result in
        reports.print(Self.row(result))
        // Nobody reads on, and nothing else is wanted.
        if !reports.hasFiles, (try? reports.finish()) == nil { Foundation.exit(2) }
      }
    } catch {
      throw Failure("\(error)")
    }
    reports.write("--json") { try Data(json: report) }
    for (name, chart) in [("time", report.timeChart), ("rate", report.rateChart), ("memory", report.memoryChart)] {
      reports.write(name) { Data(text: chart.svg) }
    }
    try reports.finish()
  }

  private static func row(_ columns: [String]) -> String {
    let widths = [22, 15, 5, 8, 11, 10, 9, 9, 6, 6]
    return zip(columns, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: " ")
  }

  private static func row(_ result: BenchmarkReport.Result) -> String {
    row([
      result.form + (result.blockSize.map { " \($0), \(result.levels ?? 0) levels" } ?? ""),
      result.pass.rawValue, result.dtype.rawValue, "\(result.length)",
      number(result.medianSeconds, "%.4g"), number(Double(result.peakBytes) / 1_048_576, "%.0f"),
      number(result.gflops, "%.1f"), number(result.gemmGflops, "%.1f"),
      number(100 * result.gemmFraction, "%.0f %%"),
      result.growthExponent.map { number($0, "%.2f") } ?? "",
    ])
  }
}

extension BenchmarkPass: ExpressibleByArgument {}
extension BenchmarkElementType: ExpressibleByArgument {}
