import LinearAlgebra
import Problems
import RealModule

/// A scalar that the program of the variants runs over: a field that contains the fractions m/2ⁿ, and so every constant
/// that a mistake is made of.
protocol ProgramScalar: Scalar {
  /// The image of a finite number, exactly.
  init(constant: Double)

  /// 1/x, for x other than zero.
  var inverse: Self { get }

  /// exp x
  ///
  /// No polynomial equation ties a number to its exponential, so over the prime field any number that has nothing to do with
  /// x stands for it, as a random point of one more unknown.
  var exponential: Self { get }
}

extension Tape where S: ProgramScalar {
  /// 1/x, entry by entry.
  func reciprocals(_ A: Variable<S>) -> Variable<S> {
    let B = zeros(A.rows, A.columns)
    for i in 0..<A.rows {
      for j in 0..<A.columns { B.value[i, j] = A.value[i, j].inverse }
    }
    record {
      for i in 0..<A.rows {
        for j in 0..<A.columns { A.cotangent[i, j] -= B.value[i, j] * B.value[i, j] * B.cotangent[i, j] }
      }
    }
    return B
  }
}

extension Double: ProgramScalar {
  package init(constant: Double) { self = constant }
  package var inverse: Double { 1 / self }
  package var exponential: Double { .exp(self) }
}

extension PrimeField: ProgramScalar {
  package var exponential: PrimeField {
    var random = SeededGenerator(seed: residue, part: "exponential")
    return random.fieldElement()
  }

  /// A finite `Double` is m · 2ᵉ with an integer m, and 2 has order 61 modulo 2⁶¹ − 1.
  package init(constant: Double) {
    guard constant != 0 else {
      self = .zero
      return
    }
    let bits = Double.significandBitCount
    let magnitude = Self(Int(constant.significand * Double(1 << bits)))
    let exponent = (Int(constant.exponent) - bits) % 61
    let power = Self(UInt64(1) << UInt64(exponent < 0 ? exponent + 61 : exponent))
    self = constant < 0 ? -(magnitude * power) : magnitude * power
  }
}
