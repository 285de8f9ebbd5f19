import LinearAlgebra
import RealModule

/// A scalar that the online softmax can be evaluated in.
///
/// The softmax needs four things beyond a ring: a pivot m to subtract from the logits s of a row, exp(s − m), a quotient,
/// and m + log Σ exp(s − m). Stated as these four, the text of the softmax does not say that exp is the exponential
/// function: it also runs over a field in which s stands for an independent unit e_s and exp(s − m) for e_s / e_m, and is
/// checked there as a rational identity.
public protocol SoftmaxScalar: Scalar {
  /// A quotient.
  static func / (x: Self, y: Self) -> Self

  /// A value to subtract from both logits before they are exponentiated: the larger one.
  static func pivot(_ s: Self, _ t: Self) -> Self

  /// exp(s − m).
  static func exponential(_ s: Self, minus m: Self) -> Self

  /// s_j ← exp(s_j − m) along a row; the sum of the row.
  static func exponentiate(_ row: UnsafeMutableBufferPointer<Self>, minus m: Self) -> Self

  /// m + log l: the log-sum-exp of a row with pivot m and Σ exp(s − m) = l.
  static func logSumExp(pivot m: Self, sum l: Self) -> Self
}

/// A scalar in which PaTH attention as a whole can be evaluated: the real numbers, to some precision.
public protocol RealScalar: SoftmaxScalar {
  /// The nearest value.
  init(_ value: Double)

  /// Whether the value is neither infinite nor NaN.
  var isFinite: Bool { get }
}

extension SoftmaxScalar {
  /// One entry after another.
  @inlinable
  public static func exponentiate(_ row: UnsafeMutableBufferPointer<Self>, minus m: Self) -> Self {
    var sum = Self.zero
    for j in 0..<row.count {
      row[j] = exponential(row[j], minus: m)
      sum += row[j]
    }
    return sum
  }
}

extension SoftmaxScalar where Self: Real {
  /// The larger value.
  @inlinable public static func pivot(_ s: Self, _ t: Self) -> Self { s > t ? s : t }

  /// exp(s − m), by the system's library.
  @inlinable public static func exponential(_ s: Self, minus m: Self) -> Self { .exp(s - m) }

  /// m + log l.
  @inlinable public static func logSumExp(pivot m: Self, sum l: Self) -> Self { m + .log(l) }
}

extension Float: RealScalar {}
extension Double: RealScalar {}
