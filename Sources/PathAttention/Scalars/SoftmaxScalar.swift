import CRowKernels
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

  /// The pivot of a row that is not empty.
  static func pivot(of row: UnsafeBufferPointer<Self>) -> Self

  /// exp(s − m).
  static func exponential(_ s: Self, minus m: Self) -> Self

  /// s_j ← exp(s_j − m) along a row; the sum of the row.
  static func exponentiate(_ row: UnsafeMutableBufferPointer<Self>, minus m: Self) -> Self

  /// m + log l: the log-sum-exp of a row with pivot m and Σ exp(s − m) = l.
  static func logSumExp(pivot m: Self, sum l: Self) -> Self

  /// p_j ← p_j (x_j − c) along two rows of the same length.
  static func multiply(_ p: UnsafeMutableBufferPointer<Self>, byShifted x: UnsafeBufferPointer<Self>, _ c: Self)

  /// Whether the value is neither infinite nor NaN, if there are such values.
  var isFinite: Bool { get }

  /// What stands in rows that are not computed: NaN where there is one.
  static var notComputed: Self { get }
}

/// A scalar in which PaTH attention as a whole can be evaluated: the real numbers, to some precision.
public protocol RealScalar: SoftmaxScalar {
  /// The nearest value.
  init(_ value: Double)
}

extension RealScalar {
  /// NaN.
  @inlinable public static var notComputed: Self { Self(.nan) }
}

extension SoftmaxScalar {
  /// Always, where a scalar has no other values.
  @inlinable public var isFinite: Bool { true }

  /// Zero.
  @inlinable public static var notComputed: Self { .zero }

  /// One entry after another.
  @inlinable
  public static func pivot(of row: UnsafeBufferPointer<Self>) -> Self {
    row.dropFirst().reduce(row[0]) { pivot($0, $1) }
  }

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

  /// One entry after another.
  @inlinable
  public static func multiply(
    _ p: UnsafeMutableBufferPointer<Self>, byShifted x: UnsafeBufferPointer<Self>, _ c: Self
  ) {
    for j in 0..<p.count { p[j] *= x[j] - c }
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

extension Float: RealScalar {
  /// The largest entry, by a vectorised loop.
  public static func pivot(of row: UnsafeBufferPointer<Float>) -> Float { rowMaximumF32(row.baseAddress, row.count) }

  /// Within 1.5 ulp for every entry whose exponential is a normal number, else 0; by a vectorised loop.
  public static func exponentiate(_ row: UnsafeMutableBufferPointer<Float>, minus m: Float) -> Float {
    rowExponentialF32(row.baseAddress, row.count, m)
  }

  /// By a vectorised loop.
  public static func multiply(
    _ p: UnsafeMutableBufferPointer<Float>, byShifted x: UnsafeBufferPointer<Float>, _ c: Float
  ) {
    rowMultiplyShiftedF32(p.baseAddress, x.baseAddress, p.count, c)
  }
}

extension Double: RealScalar {
  /// The largest entry, by a vectorised loop.
  public static func pivot(of row: UnsafeBufferPointer<Double>) -> Double {
    rowMaximumF64(row.baseAddress, row.count)
  }

  /// Within 1.5 ulp for every entry whose exponential is a normal number, else 0; by a vectorised loop.
  public static func exponentiate(_ row: UnsafeMutableBufferPointer<Double>, minus m: Double) -> Double {
    rowExponentialF64(row.baseAddress, row.count, m)
  }

  /// By a vectorised loop.
  public static func multiply(
    _ p: UnsafeMutableBufferPointer<Double>, byShifted x: UnsafeBufferPointer<Double>, _ c: Double
  ) {
    rowMultiplyShiftedF64(p.baseAddress, x.baseAddress, p.count, c)
  }
}
