/// What a comparison says.
public enum Verdict: String, Sendable, Codable, Comparable {
  /// The error is one that rounding explains.
  case pass
  /// The error is larger than usual; worth a look.
  case marginal
  /// The error is not explained by rounding.
  case fail

  /// Up to which multiple of the envelope a tensor passes.
  public static let passMultiple = 2.0
  /// Up to which multiple of the envelope it is marginal.
  public static let marginalMultiple = 4.0

  /// The verdict on a tensor at a multiple of its envelope. NaN fails.
  public init(multiple: Double) {
    self = multiple <= Self.passMultiple ? .pass : multiple <= Self.marginalMultiple ? .marginal : .fail
  }

  /// Whether a multiple of the envelope is one that does not fail.
  package static func tolerates(_ multiple: Double) -> Bool { multiple <= marginalMultiple }

  /// Pass is better than marginal is better than fail.
  public static func < (a: Verdict, b: Verdict) -> Bool { a.severity < b.severity }

  private var severity: Int {
    switch self {
    case .pass: 0
    case .marginal: 1
    case .fail: 2
    }
  }
}
