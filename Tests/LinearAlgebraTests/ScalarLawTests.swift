import LinearAlgebra
import Problems
import Testing

/// Every scalar type obeys the laws of `Scalar`.
@Suite struct ScalarLawTests {
  /// Solutions of triangular systems with 9 rows of such entries stay below 3⁸ · 2, their products below 2²⁴: exact in
  /// `Float`.
  static func smallInteger<S: Scalar>(_ random: inout SeededGenerator) -> S {
    S(Int.random(in: -2...2, using: &random))
  }

  @Test("Float, through OpenBLAS, on small integers")
  func float() { #expect(ScalarLaws<Float>(element: Self.smallInteger).violation() == nil) }

  @Test("Double, through OpenBLAS, on small integers")
  func double() { #expect(ScalarLaws<Double>(element: Self.smallInteger).violation() == nil) }

  @Test("The prime field, on all of it")
  func primeField() {
    let edges = [Int.min, -(1 << 61), -3, -1, 0, 1, 2, (1 << 61) - 2, (1 << 61) - 1, 1 << 61, Int.max]
    #expect(ScalarLaws<PrimeField>(integers: edges + Array(-9...9)) { $0.fieldElement() }.violation() == nil)
  }

  #if arch(x86_64)
    @Test("Float80, on small integers")
    func float80() { #expect(ScalarLaws<Float80>(element: Self.smallInteger).violation() == nil) }
  #endif
}
