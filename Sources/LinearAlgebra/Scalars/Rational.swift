import BigInt

/// A rational number, exact and of any size.
///
/// Numbers grow with every operation, so this is for small cases worked out in full, which a person can follow with a
/// pencil. For certainty at larger sizes see `PrimeField`.
public struct Rational: Scalar, Hashable {
  /// The numerator, which carries the sign.
  public let numerator: BigInt
  /// The denominator, positive and without a common factor with the numerator.
  public let denominator: BigInt

  /// numerator / denominator in lowest terms.
  ///
  /// - Precondition: The denominator is not zero.
  public init(_ numerator: BigInt, _ denominator: BigInt) {
    precondition(denominator != 0, "a rational number cannot have denominator 0")
    let common = numerator.greatestCommonDivisor(with: denominator) * denominator.signum()
    self.numerator = numerator / common
    self.denominator = denominator / common
  }

  /// numerator / denominator in lowest terms.
  ///
  /// - Precondition: The denominator is not zero.
  public init(_ numerator: Int, _ denominator: Int) { self.init(BigInt(numerator), BigInt(denominator)) }

  /// The integer.
  public init(_ value: Int) {
    numerator = BigInt(value)
    denominator = 1
  }

  /// The number that a floating-point value stands for, exactly; nil for infinities and NaN.
  public init?(exactly value: Double) {
    guard value.isFinite else { return nil }
    guard value != 0 else {
      self.init(0)
      return
    }
    // The significand of a double has 52 bits after the point.
    let digits = BigInt(Int(value.significand * 0x1p52)) * (value < 0 ? -1 : 1)
    let exponent = Int(value.exponent) - 52
    self.init(exponent > 0 ? digits << exponent : digits, exponent < 0 ? BigInt(1) << -exponent : 1)
  }

  /// The integer 0.
  public static let zero = Rational(0)

  /// The sum.
  public static func + (x: Self, y: Self) -> Self {
    Self(x.numerator * y.denominator + y.numerator * x.denominator, x.denominator * y.denominator)
  }

  /// The difference.
  public static func - (x: Self, y: Self) -> Self { x + (-y) }

  /// The additive inverse, already in lowest terms.
  public static prefix func - (x: Self) -> Self { Self(-x.numerator, x.denominator) }

  /// The product.
  public static func * (x: Self, y: Self) -> Self {
    Self(x.numerator * y.numerator, x.denominator * y.denominator)
  }

  /// The quotient.
  ///
  /// - Precondition: y is not zero.
  public static func / (x: Self, y: Self) -> Self {
    Self(x.numerator * y.denominator, x.denominator * y.numerator)
  }

  /// A double within 0.51 units in the last place.
  public var approximation: Double {
    // Scaled so that the integer quotient has at least 64 bits, whatever the sizes.
    let shift = denominator.bitWidth - numerator.bitWidth + 66
    let quotient = shift > 0 ? (numerator << shift) / denominator : numerator / (denominator << -shift)
    return Double(sign: .plus, exponent: -shift, significand: Double(quotient))
  }
}

extension Rational: ExpressibleByIntegerLiteral {
  /// The integer.
  public init(integerLiteral value: Int) { self.init(value) }
}

extension Rational: CustomStringConvertible {
  /// Like `-7/25`, or `3` for an integer.
  public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }
}
