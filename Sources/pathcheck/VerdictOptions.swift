import ArgumentParser
import Judging

/// What a verdict is worth to the shell.
struct VerdictOptions: ParsableArguments {
  @Flag(help: "Exit with 0 and not with 3 where the verdict is marginal; in JUnit it is no failure then.")
  var acceptMarginal = false

  /// Ends with the exit code of a verdict.
  ///
  /// - Parameter isUnjudged: Whether the verdict is fail only because something could not be judged.
  func end(_ verdict: Verdict, isUnjudged: Bool = false) throws {
    switch verdict {
    case .pass: return
    case .marginal where acceptMarginal: return
    case .marginal: throw ExitCode(3)
    case .fail: throw ExitCode(isUnjudged ? 2 : 1)
    }
  }
}
