import Foundation

/// The environment variable that makes every property check replay one problem line.
public let replayVariable = "PATH_REPLAY"

/// The result of testing a property on many problems.
public struct PropertyResult: Sendable, CustomStringConvertible {
  /// The name of the property.
  public let name: String
  /// How many problems were tested.
  public let tested: Int
  /// The first failure, shrunk; nil if there was none.
  public let failure: Failure?

  /// A problem on which the property does not hold.
  public struct Failure: Sendable {
    /// As it was drawn.
    public let original: Problem
    /// The simplest one found that still fails.
    public let minimal: Problem
    /// What the property said of the simplest one.
    public let message: String
  }

  /// What was tested, and for a failure the line to replay it.
  public var description: String {
    guard let failure else { return "\(name): holds on \(tested) problems" }
    return """
      \(name): does not hold
        found    \(failure.original)
        minimal  \(failure.minimal)
        because  \(failure.message)
        replay   \(replayVariable)="\(failure.minimal)"
      """
  }
}

/// Tests a property on problems drawn from a space; the first failure is shrunk.
///
/// - Parameters:
///   - name: The name of the property.
///   - space: Where problems come from.
///   - count: How many are drawn.
///   - seed: Where drawing starts.
///   - replay: A problem line to test instead; by default what the environment says.
///   - property: Nil if the property holds, else what is wrong. An error that is thrown counts as wrong.
public func checkProperty(
  _ name: String, over space: ProblemSpace = ProblemSpace(), count: Int, seed: UInt64,
  replay: String? = ProcessInfo.processInfo.environment[replayVariable],
  _ property: (Problem) throws -> String?
) throws(ProblemLineError) -> PropertyResult {
  if let replay { return checkProperty(name, on: [try Problem(line: replay)], property) }
  var random = SeededGenerator(seed: seed, part: name)
  return checkProperty(name, on: (0..<count).map { _ in space.problem(using: &random) }, property)
}

/// Tests a property on given problems; the first failure is shrunk.
public func checkProperty(
  _ name: String, on problems: some Collection<Problem>, _ property: (Problem) throws -> String?
) -> PropertyResult {
  func message(_ problem: Problem) -> String? {
    do { return try property(problem) } catch { return "error: \(error)" }
  }
  var tested = 0
  let failing = problems.first { problem in
    tested += 1
    return message(problem) != nil
  }
  guard let failing else { return PropertyResult(name: name, tested: tested, failure: nil) }
  let minimal = failing.minimized { message($0) != nil }
  return PropertyResult(
    name: name, tested: tested,
    failure: PropertyResult.Failure(original: failing, minimal: minimal, message: message(minimal) ?? "no message"))
}
