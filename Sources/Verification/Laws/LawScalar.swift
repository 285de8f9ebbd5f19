import LinearAlgebra
import PathAttention

/// A field in which laws are stated, with a rule by which logits become weights of values.
protocol LawScalar: Scalar {
  /// The quotient.
  static func / (x: Self, y: Self) -> Self
  /// An upper bound for rounding to be measured against; zero in a field that does not round.
  var magnitude: Double { get }
  /// 0 if and only if the two are equal; NaN if one of them is.
  static func distance(_ x: Self, _ y: Self) -> Double
  /// A number to change inputs with.
  static func random(using random: inout SeededGenerator) -> Self
  /// The weights of a row of logits, and what stands for their log-sum-exp.
  static func weights(of logits: [Self]) -> (weights: [Self], logSumExp: Self)
}

extension Double: LawScalar {
  static func distance(_ x: Double, _ y: Double) -> Double { x == y ? 0 : abs(x - y) }

  static func random(using random: inout SeededGenerator) -> Double { random.normal() }

  /// The softmax.
  static func weights(of logits: [Double]) -> (weights: [Double], logSumExp: Double) {
    let m = logits.max() ?? 0
    let exponentials = logits.map { Double.exp($0 - m) }
    let sum = exponentials.reduce(0, +)
    return (exponentials.map { $0 / sum }, m + .log(sum))
  }
}

extension PrimeField: LawScalar {
  static func / (x: PrimeField, y: PrimeField) -> PrimeField { x * y.inverse }

  var magnitude: Double { 0 }

  static func distance(_ x: PrimeField, _ y: PrimeField) -> Double { x == y ? 0 : .infinity }

  static func random(using random: inout SeededGenerator) -> PrimeField { random.fieldElement() }

  /// The logits themselves, and their sum.
  static func weights(of logits: [PrimeField]) -> (weights: [PrimeField], logSumExp: PrimeField) {
    (logits, logits.reduce(.zero, +))
  }
}
