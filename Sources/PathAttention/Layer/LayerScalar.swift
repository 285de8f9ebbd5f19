import LinearAlgebra
import RealModule

/// A scalar in which the whole layer can be evaluated: what attention needs, and a square root for the normalisations.
public protocol LayerScalar: RealScalar {
  /// √x for x ≥ 0.
  static func sqrt(_ x: Self) -> Self
}

extension LayerScalar where Self: Real {
  /// The square root, correctly rounded.
  @inlinable public static func sqrt(_ x: Self) -> Self { .sqrt(x) }
}

extension Float: LayerScalar {}
extension Double: LayerScalar {}

extension RealScalar {
  /// σ(x) = 1 / (1 + exp(−x)), without overflow.
  static func sigmoid(_ x: Self) -> Self {
    let m = pivot(x, .zero)
    let positive = exponential(x, minus: m)
    return positive / (positive + exponential(.zero, minus: m))
  }

  /// log σ(x) = −log(1 + exp(−x)), without overflow. The absolute error is of the order of the unit roundoff.
  static func logSigmoid(_ x: Self) -> Self {
    let m = pivot(-x, .zero)
    return -logSumExp(pivot: m, sum: exponential(-x, minus: m) + exponential(.zero, minus: m))
  }

  /// The derivative of SiLU(x) = x σ(x): σ(x) (1 + x (1 − σ(x))).
  static func siluDerivative(_ x: Self) -> Self {
    let σ = sigmoid(x)
    return σ * (one + x * (one - σ))
  }
}

extension Dual: LayerScalar where S: LayerScalar {
  /// The square root, with derivative ẋ / (2 √x).
  @inlinable public static func sqrt(_ x: Self) -> Self {
    let root = S.sqrt(x.value)
    return Self(root, derivative: x.derivative / (root + root))
  }
}
