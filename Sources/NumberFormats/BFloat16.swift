/// A bfloat16 number: the sign, the 8 exponent bits and the first 7 significand bits of a `Float`.
///
/// A storage type without arithmetic. Equality is that of patterns: a NaN equals itself, and zeros of different sign differ.
public struct BFloat16: Sendable, Hashable {
  /// The 16 bits.
  public let bitPattern: UInt16

  /// The number with given bits.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest bfloat16, ties to even. NaN becomes a quiet NaN.
  public init(_ x: Float) { bitPattern = UInt16(roundedPattern(x, dropping: 16) >> 16) }

  /// The nearest bfloat16, ties to even, in one rounding. NaN becomes a quiet NaN.
  public init(_ x: Double) { self.init(roundedToOdd(x)) }
}

extension Float {
  /// Exact.
  @inlinable public init(_ x: BFloat16) { self.init(bitPattern: UInt32(x.bitPattern) << 16) }
}

extension Double {
  /// Exact.
  @inlinable public init(_ x: BFloat16) { self.init(Float(x)) }
}
