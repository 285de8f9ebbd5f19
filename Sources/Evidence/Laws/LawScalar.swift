import LinearAlgebra
import PathAttention
import Problems

/// A field in which laws are stated: one in which attention can be evaluated.
protocol LawScalar: SoftmaxScalar {
  /// What rounding is measured against; zero in a field that does not round.
  var magnitude: Double { get }
  /// 0 if and only if the two are equal; NaN if one of them is.
  static func distance(_ x: Self, _ y: Self) -> Double
  /// A number to change inputs with.
  static func random(using random: inout SeededGenerator) -> Self
}

extension Double: LawScalar {
  package static func distance(_ x: Double, _ y: Double) -> Double { x == y ? 0 : abs(x - y) }

  package static func random(using random: inout SeededGenerator) -> Double { random.normal() }
}

extension PrimeField: LawScalar {
  package var magnitude: Double { 0 }

  package static func distance(_ x: PrimeField, _ y: PrimeField) -> Double { x == y ? 0 : .infinity }

  package static func random(using random: inout SeededGenerator) -> PrimeField { random.fieldElement() }
}
