/// The field of integers modulo the Mersenne prime p = 2⁶¹ − 1.
///
/// Arithmetic is exact. Two polynomials of total degree D that differ as polynomials agree at a uniformly random point of
/// the field with probability at most D/p (Schwartz, Zippel), so equality at one random point is strong evidence, with a
/// number, that two ways of computing the logits are the same for that shape.
public struct PrimeField: Scalar, Hashable {
  /// p = 2⁶¹ − 1.
  public static let modulus: UInt64 = (1 << 61) - 1

  /// The representative in 0 ..< p.
  public let residue: UInt64

  @inlinable
  init(reduced residue: UInt64) { self.residue = residue }

  /// The class of a 64-bit number.
  @inlinable
  public init(_ value: UInt64) {
    // 2⁶¹ ≡ 1, so the top three bits are added to the rest.
    let folded = (value & Self.modulus) &+ (value >> 61)
    residue = folded >= Self.modulus ? folded &- Self.modulus : folded
  }

  /// The class of an integer.
  @inlinable
  public init(_ value: Int) {
    let magnitude = Self(UInt64(value.magnitude))
    self = value < 0 ? -magnitude : magnitude
  }

  /// The class of 0.
  @inlinable public static var zero: Self { Self(reduced: 0) }

  /// The sum modulo p.
  @inlinable public static func + (x: Self, y: Self) -> Self {
    let sum = x.residue &+ y.residue
    return Self(reduced: sum >= modulus ? sum &- modulus : sum)
  }

  /// The difference modulo p.
  @inlinable public static func - (x: Self, y: Self) -> Self {
    Self(reduced: x.residue >= y.residue ? x.residue &- y.residue : x.residue &+ modulus &- y.residue)
  }

  /// The additive inverse modulo p.
  @inlinable public static prefix func - (x: Self) -> Self { zero - x }

  /// The product modulo p.
  @inlinable public static func * (x: Self, y: Self) -> Self {
    let (high, low) = x.residue.multipliedFullWidth(by: y.residue)
    // high · 2⁶⁴ + low with high < 2⁵⁸; the bits from 61 up are folded onto the rest.
    let folded = (low & modulus) &+ (high << 3 | low >> 61)
    return Self(reduced: folded >= modulus ? folded &- modulus : folded)
  }

  /// The multiplicative inverse, by Fermat's little theorem: x^(p−2), in about 120 products.
  ///
  /// - Precondition: x is not zero.
  public var inverse: Self {
    precondition(residue != 0, "zero has no inverse")
    var power = self
    var result = Self.one
    var exponent = Self.modulus - 2
    while exponent > 0 {
      if exponent & 1 == 1 { result *= power }
      power *= power
      exponent >>= 1
    }
    return result
  }
}
