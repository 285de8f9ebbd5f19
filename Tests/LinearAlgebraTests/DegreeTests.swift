import LinearAlgebra
import Testing

/// Degrees of polynomials and of rational functions.
@Suite struct DegreeTests {
  private let x = Degree.unknown

  @Test("Sums have the larger degree, products the sum; zero is neutral and annihilates")
  func polynomials() {
    let cubic = x * x * x + x * x
    #expect(cubic == Degree(numerator: 3))
    #expect(cubic * (x + .one) == Degree(numerator: 4))
    #expect(cubic - cubic == cubic && -cubic == cubic)
    #expect(cubic + .zero == cubic && Degree.zero + cubic == cubic)
    #expect(cubic * .zero == .zero && Degree.zero * cubic == .zero)
    #expect(Degree(5) == .one && Degree(-1) == .one && Degree(0) == .zero && Degree.one == Degree(numerator: 0))
  }

  @Test("Quotients have a denominator, and sums of quotients a common one")
  func fractions() {
    // 1/x + x = (1 + x²)/x, and (1 + x²)/x · 1/x = (1 + x²)/x².
    let sum = Degree.one / x + x
    #expect(sum == Degree(numerator: 2, denominator: 1))
    #expect(sum / x == Degree(numerator: 2, denominator: 2))
    #expect(sum / sum == Degree(numerator: 3, denominator: 3))
    // a/b − c/d vanishes where a d − c b does.
    #expect((sum - x / x).numerator == 3)
    #expect(Degree.zero / x == .zero)
  }
}
