/// A dual number a + b ε with ε² = 0, over any scalar.
///
/// Any text that runs over `Scalar` runs over `Dual` too, and carries its own directional derivative with it: where x is
/// replaced by x + ẋ ε, f(x) becomes f(x) + (f′(x) ẋ) ε. No step is taken, so over an exact scalar the derivative is exact:
///
///     let x = Dual(PrimeField(3), derivative: .one)
///     (x * x).derivative == PrimeField(6)
///
/// This is forward mode, and shares nothing with a backward pass written by hand.
@frozen
public struct Dual<S: Scalar>: Scalar {
  /// a, the value.
  public var value: S
  /// b, the derivative in the direction that was chosen at the start.
  public var derivative: S

  /// value + derivative · ε.
  @inlinable
  public init(_ value: S, derivative: S) {
    self.value = value
    self.derivative = derivative
  }

  /// A constant.
  @inlinable public init(_ value: S) { self.init(value, derivative: .zero) }

  /// An integer, as a constant.
  @inlinable public init(_ value: Int) { self.init(S(value)) }

  /// The constant 0.
  @inlinable public static var zero: Self { Self(S.zero) }

  /// The sum.
  @inlinable public static func + (x: Self, y: Self) -> Self {
    Self(x.value + y.value, derivative: x.derivative + y.derivative)
  }

  /// The difference.
  @inlinable public static func - (x: Self, y: Self) -> Self {
    Self(x.value - y.value, derivative: x.derivative - y.derivative)
  }

  /// The additive inverse.
  @inlinable public static prefix func - (x: Self) -> Self { Self(-x.value, derivative: -x.derivative) }

  /// The product, with the product rule.
  @inlinable public static func * (x: Self, y: Self) -> Self {
    Self(x.value * y.value, derivative: x.value * y.derivative + x.derivative * y.value)
  }
}
