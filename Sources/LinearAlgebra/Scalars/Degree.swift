/// Upper bounds on the total degrees of numerator and denominator of a rational function: what is known of a number when
/// every input is an independent unknown.
///
/// Run over `Degree`, the text of a computation yields the degree of what it computes: a sum of polynomials has at most the
/// larger degree, a product the sum of the degrees. Neither cancellation nor common factors are seen, so it is a bound.
///
/// Without division the denominator is 1, and this is the (max, +) semiring: a difference is bounded like a sum, so x − x is
/// not zero, and x + x = x. It conforms to `Scalar` so that the same text runs; the laws that involve subtraction do not
/// hold.
@frozen
public struct Degree: Scalar, Hashable {
  /// The bound for the numerator; nil for zero, which makes every product with it zero.
  public let numerator: Int?
  /// The bound for the denominator; 0 for a polynomial.
  public let denominator: Int

  /// The degrees of a rational function.
  ///
  /// - Precondition: No degree is negative.
  @inlinable
  public init(numerator: Int?, denominator: Int = 0) {
    precondition(numerator ?? 0 >= 0 && denominator >= 0, "a degree cannot be negative")
    self.numerator = numerator
    self.denominator = numerator == nil ? 0 : denominator
  }

  /// A constant: degree 0, unless it is zero.
  @inlinable public init(_ value: Int) { self.init(numerator: value == 0 ? nil : 0) }

  /// An unknown, of degree 1.
  public static let unknown = Degree(numerator: 1)

  /// The function 0.
  @inlinable public static var zero: Self { Self(numerator: nil) }

  /// a/b + c/d = (a d + c b) / (b d).
  @inlinable public static func + (x: Self, y: Self) -> Self {
    guard let a = x.numerator else { return y }
    guard let c = y.numerator else { return x }
    return Self(
      numerator: max(a + y.denominator, c + x.denominator), denominator: x.denominator + y.denominator)
  }

  /// Bounded like the sum. The numerator is that of the polynomial that is zero if and only if x = y.
  @inlinable public static func - (x: Self, y: Self) -> Self { x + y }

  /// The same degrees.
  @inlinable public static prefix func - (x: Self) -> Self { x }

  /// The sums of the degrees; zero if a factor is.
  @inlinable public static func * (x: Self, y: Self) -> Self {
    guard let a = x.numerator, let c = y.numerator else { return .zero }
    return Self(numerator: a + c, denominator: x.denominator + y.denominator)
  }

  /// The product with the reciprocal.
  ///
  /// - Precondition: y is not the function 0.
  @inlinable public static func / (x: Self, y: Self) -> Self {
    guard let c = y.numerator else { preconditionFailure("division by zero") }
    return x * Self(numerator: y.denominator, denominator: c)
  }
}
