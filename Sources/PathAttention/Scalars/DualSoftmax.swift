import LinearAlgebra

// The softmax over dual numbers: each operation with its derivative, so that attention as a whole can be differentiated in
// forward mode.

extension Dual: SoftmaxScalar where S: SoftmaxScalar {
  /// The quotient, with the quotient rule.
  @inlinable public static func / (x: Self, y: Self) -> Self {
    let quotient = x.value / y.value
    return Self(quotient, derivative: (x.derivative - quotient * y.derivative) / y.value)
  }

  /// The operand that `S` picks, with its derivative.
  @inlinable public static func pivot(_ s: Self, _ t: Self) -> Self { S.pivot(s.value, t.value) == s.value ? s : t }

  /// exp(s − m), with exp′ = exp.
  @inlinable public static func exponential(_ s: Self, minus m: Self) -> Self {
    let value = S.exponential(s.value, minus: m.value)
    return Self(value, derivative: value * (s.derivative - m.derivative))
  }

  /// m + log l, with derivative ṁ + l̇/l.
  @inlinable public static func logSumExp(pivot m: Self, sum l: Self) -> Self {
    Self(S.logSumExp(pivot: m.value, sum: l.value), derivative: m.derivative + l.derivative / l.value)
  }

  /// Whether value and derivative both are.
  @inlinable public var isFinite: Bool { value.isFinite && derivative.isFinite }
}

extension Dual: RealScalar where S: RealScalar {
  /// A constant.
  @inlinable public init(_ value: Double) { self.init(S(value)) }
}
