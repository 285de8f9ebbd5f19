import Judging
import Problems

/// Runs the suite: the three forms against each other, derivatives and every law, on drawn problems or on a given one, and a
/// certificate at one shape. What does not hold on a problem is shrunk to a simple one.
///
/// - Parameters:
///   - request: Seed, sizes, extent.
///   - checks: What is checked: the whole suite, or your own.
/// - Throws: `SuiteError` when the sizes are too large or make no sense. An error thrown by a check counts as a failure of it.
/// - Complexity: For each problem some 600 forward and backward passes, half of them in 64-bit integer arithmetic.
public func runSuite(
  _ request: SuiteRequest = SuiteRequest(), _ checks: [SuiteCheck] = SuiteCheck.all
) throws(SuiteError) -> SuiteReport {
  try request.validate()
  var run = SuiteRun(checks)
  // The certificate counts as a tenth of the work.
  let shareOfProblems = request.certificate == nil ? 1 : 0.9
  if let replay = request.replay {
    run.add(replay) { request.onProgress?(shareOfProblems * $1) }
  } else {
    var space = ProblemSpace()
    space.fixed = request.sizes
    var random = SeededGenerator(seed: request.seed, part: "suite")
    let start = ContinuousClock.now
    /// The fraction of the extent that is used up when some problems are done, and a fraction of the next one.
    func progress(_ done: Int, _ fraction: Double) -> Double {
      switch request.extent {
      case .problems(let count): (Double(done) + fraction) / Double(count)
      case .time(let limit): (ContinuousClock.now - start) / limit
      }
    }
    while progress(run.problems, 0) < 1 {
      run.add(space.problem(using: &random)) { request.onProgress?(shareOfProblems * min(1, progress($0, $1))) }
    }
  }
  var certificate: Certificate?
  if let wanted = request.certificate {
    do {
      certificate = try certify(wanted) { request.onProgress?(shareOfProblems + (1 - shareOfProblems) * $0) }
    } catch {
      throw .sizes(error)
    }
  }
  return SuiteReport(
    holds: run.outcomes.allSatisfy { $0.holds } && certificate?.holds ?? true, seed: request.seed,
    problems: run.problems, checks: run.outcomes, certificate: certificate)
}

/// What has been found so far.
private struct SuiteRun {
  let checks: [SuiteCheck]
  private(set) var problems = 0
  private(set) var outcomes: [SuiteReport.Check]

  init(_ checks: [SuiteCheck]) {
    self.checks = checks
    outcomes = checks.map { check in
      SuiteReport.Check(
        family: check.family, name: check.name, statement: check.statement,
        double: check.inDouble.map { _ in SuiteReport.Outcome() },
        exact: check.exactly.map { _ in SuiteReport.Outcome() })
    }
  }

  /// - Parameter onProgress: Called with the problems that are done and the fraction of this one that is: what is being
  ///   changed cannot be read meanwhile.
  mutating func add(_ problem: Problem, onProgress: (_ done: Int, _ fraction: Double) -> Void) {
    for (index, check) in checks.enumerated() where check.applies(problem) {
      onProgress(problems, Double(index) / Double(checks.count))
      if let inDouble = check.inDouble { outcomes[index].double?.add(check, problem, inDouble) }
      if let exactly = check.exactly { outcomes[index].exact?.add(check, problem, exactly) }
    }
    problems += 1
  }
}

extension SuiteReport.Outcome {
  /// One more problem, unless there was a failure before.
  fileprivate mutating func add(
    _ check: SuiteCheck, _ problem: Problem, _ residual: (Problem) throws -> Residual
  ) {
    guard failure == nil else { return }
    problems += 1
    if let residual = try? residual(problem), residual.violation == nil {
      worst.value = max(worst.value, residual.excess)
      return
    }
    let result = checkProperty(check.name, on: [problem]) {
      check.applies($0) ? try residual($0).violation : nil
    }
    failure = result.failure.map {
      SuiteReport.Failure(
        found: $0.original.description, minimal: $0.minimal.description, message: $0.message)
    }
  }
}
