import ArgumentParser
import Evidence
import Foundation
import PathAttention
import Problems
import Reports

/// `pathcheck verify`: the suite that the reference itself has to pass.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Test the reference itself, at shapes and seeds of your choice.",
    discussion: """
      The reference computes PaTH attention in three forms: the sequential product (the definition, one Householder \
      reflection after another), compact WY (all reflections of a sequence at once, by the UT transform) and blockwise \
      (tile by tile, as kernels do). This command draws problems, nasty ones among them, and tests on each

      (1) that the three forms compute the same outputs and gradients, and that these gradients are derivatives;

      (2) that each form keeps the laws of PaTH attention: statements of what happens to outputs and gradients when the \
      inputs are changed in a way whose effect is known (w → −w), or are of a special kind for which the product of \
      reflections has a closed form (one w at all tokens). Each law is stated in the table.

      Both are tested twice. In Float64, where the table shows the worst difference in units of a bound on rounding that \
      is computed from the norms of each problem: more than 1 fails, and where it says equal, equality is bit for bit. \
      And over the prime field of 2^61 − 1 elements, where nothing rounds and equality is due; there (s + 1)^17 stands for \
      exp(s), of which the softmax uses nothing but exp(s − m) = exp(s)/exp(m).

      Then, at one shape, a certificate: all numbers are rational functions of the inputs there, of a degree that the \
      program finds by running the same code over degrees. Different functions of degree D agree at a random point of the \
      field with probability at most D/(2^61 − 1), so forms that agree are equal at that shape but for that probability. \
      The shape is that of the options, and T = 64, K = 16, blocks of 8 and of 7 where there are none.

      What does not hold is reported with the simplest problem found on which it fails, as a line that --replay takes:

        B1 T7 HQ4 H2 K3 V5 block=4 levels=2 cu=0,3,7 beta=runs w=repeated logits=huge gate=scaled.stepped seed=42

      sizes (sequences, tokens, query heads, key/value heads, lanes of q, k, w, and of v), rows per block, how often \
      blocks are folded in pairs, boundaries of packed sequences, what β, w, the logits and the gate are like, and the \
      seed of the numbers.

      Exit code 0 if everything holds (with --mutants: if every mistake that shows is noticed), 1 if something does not.
      """)

  @Option(help: "Where the drawing of problems starts.")
  var seed: UInt64 = 1

  @Option(help: "How many problems are drawn. Default: 100.")
  var problems: Int?

  @Option(help: "How long to go on drawing problems, instead of --problems.")
  var minutes: Double?

  @Option(help: "Tokens of each sequence in every problem. Default: drawn, 0 to 24. So for the sizes below.")
  var length: Int?

  @Option(help: "Lanes of q, k and w.")
  var keyDim: Int?

  @Option(help: "Lanes of v.")
  var valueDim: Int?

  @Option(help: "Query heads, a multiple of the key/value heads. Without --heads there are as many of those.")
  var queryHeads: Int?

  @Option(help: "Key/value heads.")
  var heads: Int?

  @Option(help: "Rows per block of the blockwise form.")
  var blockSize: Int?

  @Option(help: ArgumentHelp("Test one problem, given by its line.", valueName: "line"), transform: problem)
  var replay: Problem?

  @Flag(
    help: """
      Test the tests instead: print which of them notice which known mistakes of implementations, beside the rules that \
      other projects accept kernels by. A dot is a mistake that goes unnoticed.
      """)
  var mutants = false

  @OptionGroup var memory: MemoryOptions

  @OptionGroup var output: ReportOptions

  private static func problem(line: String) throws -> Problem {
    do { return try Problem(line: line) } catch { throw ValidationError("\(error)") }
  }

  private var sizes: FixedSizes {
    var sizes = FixedSizes()
    (sizes.length, sizes.keyDim, sizes.valueDim) = (length, keyDim, valueDim)
    (sizes.queryHeads, sizes.heads, sizes.blockSize) = (queryHeads, heads, blockSize)
    return sizes
  }

  func validate() throws {
    for (name, value) in [
      ("--length", length), ("--key-dim", keyDim), ("--value-dim", valueDim), ("--query-heads", queryHeads),
      ("--heads", heads),
    ] {
      try OptionRange.check(name, value, OptionRange.size)
    }
    try OptionRange.check("--block-size", blockSize, OptionRange.blockSize)
    try OptionRange.check("--problems", problems, OptionRange.count)
    try OptionRange.check(queryHeads: queryHeads, heads: heads)
    // A thousandth of a second to a year.
    try OptionRange.check("--minutes", minutes, 1e-5...525_600)
    if minutes != nil && problems != nil { throw ValidationError("--minutes and --problems exclude each other") }
    if mutants && (replay != nil || minutes != nil || problems != nil || sizes != FixedSizes()) {
      throw ValidationError("--mutants chooses its own problems, from --seed")
    }
    if replay != nil && (minutes != nil || problems != nil || sizes != FixedSizes()) {
      throw ValidationError(
        "--replay tests one problem as it is; sizes, --problems and --minutes have no meaning with it")
    }
  }

  func run() throws {
    if mutants { return try runMutants() }
    var reports = try output.reports()
    let progress = TerminalProgress("verify")
    let request = SuiteRequest(
      seed: seed, extent: minutes.map { .time(.seconds(60 * $0)) } ?? .problems(problems ?? 100), sizes: sizes,
      replay: replay, onProgress: progress.report)
    let report: SuiteReport
    do {
      try memory.admit(request.memoryEstimate)
      report = try runSuite(request)
    } catch let failure as Failure {
      throw failure
    } catch {
      progress.finish()
      throw Failure("\(error)")
    }
    progress.finish()
    reports.print(VerifyTable(report, replay: replay).text)
    reports.write("--json") { try Data(json: report) }
    try reports.finish()
    if !report.holds { throw ExitCode(1) }
  }

  private func runMutants() throws {
    var reports = try output.reports()
    let progress = TerminalProgress("mutants")
    let matrix: KillMatrix
    do {
      matrix = try killMatrix(
        tests: try MutantTest.all(seed: seed), cases: try TypicalInputs.cases(seed: seed), onProgress: progress.report)
    } catch {
      progress.finish()
      throw Failure("\(error)")
    }
    progress.finish()
    reports.print("\(matrix)")
    reports.write("--json") { try Data(json: matrix) }
    try reports.finish()
    if !matrix.survivors.isEmpty { throw ExitCode(1) }
  }
}
