import LinearAlgebra
import Testing

/// The exact scalars beside the prime field obey the laws of `Scalar`, as far as they are rings.
@Suite struct ExactScalarLawTests {
  @Test("Dual numbers over the prime field, on all of them")
  func dual() {
    let laws = ScalarLaws<Dual<PrimeField>> { Dual($0.fieldElement(), derivative: $0.fieldElement()) }
    #expect(laws.violation() == nil)
  }

  @Test("Rationals, on small fractions")
  func rational() {
    let laws = ScalarLaws<Rational> {
      Rational(Int.random(in: -9...9, using: &$0), Int.random(in: 1...9, using: &$0))
    }
    #expect(laws.violation() == nil)
  }

  @Test("Degrees of polynomials are a semiring: there are no differences, so triangular systems are not solved")
  func degree() {
    let laws = ScalarLaws<Degree> {
      Degree(numerator: Bool.random(using: &$0) ? Int.random(in: 0...30, using: &$0) : nil)
    }
    #expect(laws.violation(of: [.semiring, .rows, .products]) == nil)
    #expect(laws.violation(of: [.negation]) != nil && laws.violation(of: [.solves]) != nil)
  }
}
