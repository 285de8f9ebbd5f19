/// The worst of many differences, each in units of what it may be.
public struct Residual: Sendable {
  /// The largest difference in units of its bound: up to 1 everything is as it should be. Infinite where equality is due and
  /// is not there, or a number is NaN.
  public private(set) var excess = 0.0
  /// What that was.
  private var detail = ""

  /// No difference.
  public init() {}

  /// What is wrong; nil if nothing is.
  public var violation: String? { excess <= 1 ? nil : detail }

  /// Notes one difference.
  ///
  /// - Parameters:
  ///   - what: What differs, for a report.
  ///   - difference: How far apart it is.
  ///   - bound: How far it may be; zero if there must be no difference.
  public mutating func note(_ what: String, difference: Double, bound: Double) {
    let excess = difference == 0 ? 0 : difference.isNaN ? .infinity : difference / bound
    guard excess > self.excess else { return }
    self.excess = excess
    detail =
      bound > 0
      ? "\(what) is off by \(difference), allowed \(bound)"
      : "\(what) is not equal" + (difference.isFinite ? ", off by \(difference)" : "")
  }

  /// Notes what was noted elsewhere, of something with a name.
  public mutating func note(_ other: Residual, of name: String) {
    guard other.excess > excess else { return }
    excess = other.excess
    detail = "\(name): \(other.detail)"
  }
}
