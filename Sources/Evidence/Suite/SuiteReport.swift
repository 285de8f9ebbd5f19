import NumberFormats

/// What the suite has shown. Encoded, it is the JSON of `pathcheck verify --json`: fields are added, never renamed.
public struct SuiteReport: Sendable, Codable {
  /// Whether everything holds.
  public var holds: Bool
  /// Where the drawing of problems started.
  public var seed: UInt64
  /// How many problems were drawn.
  public var problems: Int
  /// Everything that was checked.
  public var checks: [Check]
  /// What was certified, if that was asked for.
  public var certificate: Certificate?

  /// One check over all problems that it applies to, each with the three forms.
  public struct Check: Sendable, Codable {
    /// What kind of check it is.
    public var family: CheckFamily
    /// A few words.
    public var name: String
    /// What holds if it holds, in one line.
    public var statement: String
    /// What was found in Double; absent if the check is not made there.
    public var double: Outcome?
    /// What was found over the prime field, where equality is due; absent if the check is not made there.
    public var exact: Outcome?

    /// Whether it holds, wherever it was made.
    public var holds: Bool { double?.failure == nil && exact?.failure == nil }
  }

  /// One check in one arithmetic.
  public struct Outcome: Sendable, Codable {
    /// On how many problems it was made.
    public var problems: Int = 0
    /// The largest residual in units of its bound; 0 for exact equality.
    public var worst = ReportNumber(0)
    /// The first problem on which it does not hold. After that it is not made any more.
    public var failure: Failure?
  }

  /// A problem on which a check does not hold.
  public struct Failure: Sendable, Codable {
    /// The line of the problem as it was drawn.
    public var found: String
    /// The line of the simplest problem found on which the check still fails.
    public var minimal: String
    /// What is wrong with that.
    public var message: String
  }
}

/// The kinds of checks.
public enum CheckFamily: String, CaseIterable, Sendable, Codable {
  /// The three forms against each other.
  case agreement
  /// Laws that hold for any implementation.
  case law
}
