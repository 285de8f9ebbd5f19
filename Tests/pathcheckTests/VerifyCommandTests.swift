import Evidence
import Foundation
import PathAttention
import Testing

/// `pathcheck verify` as a process: what it prints, what it writes, how it exits.
@Suite struct VerifyCommandTests {
  private func report(_ run: CommandLine) throws -> SuiteReport {
    try JSONDecoder().decode(SuiteReport.self, from: Data(run.output.utf8))
  }

  @Test("Everything holds, and the table says on how many problems and by what margin")
  func holds() throws {
    let run = try CommandLine("verify", "--problems", "12", "--seed", "41")
    #expect(run.status == 0, "\(run.output)\(run.error)")
    #expect(run.error.isEmpty)
    #expect(run.output.hasPrefix("problems   12, drawn from seed 41\n"))
    #expect(run.output.hasSuffix("statements hold\n"))
    #expect(run.output.contains("equal except with probability ≤"))
    for law in Law.all { #expect(run.output.contains(law.statement)) }
  }

  @Test("The JSON has every check, and the same seed gives the same report")
  func json() throws {
    let run = try CommandLine("verify", "--problems", "6", "--seed", "42", "--json", "-")
    let report = try report(run)
    #expect(report.holds && report.problems == 6 && report.seed == 42)
    #expect(report.checks.map(\.name) == ["outputs", "gradients", "derivatives"] + Law.all.map(\.name))
    #expect(report.checks[0].double?.problems == 6 && report.checks[0].exact?.problems == 6)
    // Something rounds, or the bounds measure nothing.
    #expect(report.checks[1].double!.worst.value > 0 && report.checks[1].double!.worst.value < 1)
    #expect(report.certificate?.claims.isEmpty == false)
    #expect(report.certificate?.shape.length == 64 && report.certificate?.blockSizes == [8, 7])
    #expect(try CommandLine("verify", "--problems", "6", "--seed", "42", "--json", "-").output == run.output)
    #expect(try CommandLine("verify", "--problems", "6", "--seed", "43", "--json", "-").output != run.output)
  }

  @Test("Sizes of the user's choice, a line, a time")
  func extents() throws {
    let sizes = try report(
      try CommandLine(
        "verify", "--problems", "2", "--length", "33", "--key-dim", "5", "--value-dim", "3", "--query-heads", "4",
        "--heads", "2", "--block-size", "8", "--json", "-"))
    let certified = try #require(sizes.certificate)
    #expect(certified.shape.length == 33 && certified.shape.keyDim == 5 && certified.blockSizes == [8])
    // Rotary positions are for short sequences only.
    #expect(sizes.holds && sizes.checks.first { $0.name == "rotary positions" }?.double?.problems == 0)

    let line = "B1 T9 HQ2 H1 K3 V2 block=2 levels=2 cu=0,4,9 beta=runs w=keys gate=unscaled.strong seed=5"
    let replay = try CommandLine("verify", "--replay", line)
    #expect(replay.status == 0 && replay.output.hasPrefix("problem    B1 T9 HQ2 H1 K3 V2 block=2 levels=2 "))

    let timed = try report(try CommandLine("verify", "--minutes", "0.001", "--json", "-"))
    #expect(timed.holds && timed.problems >= 1)
  }

  @Test("Problems that do not fit into memory are refused")
  func tooLarge() throws {
    let run = try CommandLine("verify", "--length", "1000000")
    #expect(run.status == 2)
    #expect(run.error.hasPrefix("pathcheck: this would take about ") && run.error.contains(" PB of memory"))
    #expect(try CommandLine("verify", "--replay", "B1 T100000 HQ1 H1 K1 V1").status == 2)
    let lanes = try CommandLine("verify", "--key-dim", "16000000", "--memory", "1T")
    #expect(lanes.status == 2 && lanes.error.contains("more than the 1 TB that may be used"), "\(lanes.error)")
  }

  @Test("Wrong usage exits with 64 and says why, help with 0")
  func usage() throws {
    for (arguments, reason) in [
      (["--problems", "0"], "--problems must be from 1 to 1000000, found 0"),
      (["--minutes", "0"], "--minutes must be from 1e-05 to 525600.0, found 0.0"),
      (["--minutes", "nan"], "--minutes must be from 1e-05"), (["--minutes", "1e300"], "--minutes must be from 1e-05"),
      (["--length=-1"], "--length must be from 1"), (["--length", "0"], "--length must be from 1"),
      (["--key-dim", "0"], "--key-dim must be from 1 to 16777216, found 0"),
      (["--heads", "9223372036854775807"], "--heads must be from 1"),
      (["--query-heads", "3", "--heads", "2"], "--query-heads must be a multiple of --heads, found 3 and 2"),
      (["--minutes", "1", "--problems", "1"], "exclude each other"),
      (["--mutants", "--length", "4"], "--mutants chooses its own problems"),
      (["--replay", "B1 T4"], "problem line: expected HQ and a number"),
      (["--replay", "B1 T4 HQ1 H1 K1 V1 beta=big"], "problem line: expected one of one, zero, two"),
      (["--replay", "B1 T4 HQ1 H1 K1 V1", "--length", "4"], "--replay tests one problem as it is"),
    ] {
      let run = try CommandLine(["verify"] + arguments)
      #expect(run.status == 64 && run.error.contains(reason), "\(arguments): \(run.error)")
    }
    let help = try CommandLine("verify", "--help")
    #expect(help.status == 0 && help.output.contains("USAGE: pathcheck verify"))
  }
}
