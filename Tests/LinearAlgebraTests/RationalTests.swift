import BigInt
import LinearAlgebra
import Testing

/// Rational numbers are in lowest terms, and what floating-point numbers stand for.
@Suite struct RationalTests {
  @Test("Numbers are in lowest terms with a positive denominator, so equal numbers are equal and hash equally")
  func lowestTerms() {
    for (numerator, denominator, expected) in [
      (6, 4, "3/2"), (-6, 4, "-3/2"), (6, -4, "-3/2"), (-6, -4, "3/2"), (0, -5, "0"), (8, 4, "2"), (-8, 4, "-2"),
    ] {
      let x = Rational(numerator, denominator)
      #expect(x.description == expected)
      #expect(x.denominator > 0)
    }
    #expect(Rational(1, 3) == Rational(-2, -6) && Rational(1, 3).hashValue == Rational(-2, -6).hashValue)
    #expect(Rational(0, 7) == .zero && Rational(5, 5) == .one)
  }

  @Test("Every small fraction: sums, differences, products and quotients by cross multiplication")
  func arithmetic() {
    let numbers = (-4...4).flatMap { a in (1...4).map { (a, $0) } }
    for (a, b) in numbers {
      for (c, d) in numbers {
        let (x, y) = (Rational(a, b), Rational(c, d))
        #expect(x + y == Rational(a * d + c * b, b * d))
        #expect(x - y == Rational(a * d - c * b, b * d))
        #expect(x * y == Rational(a * c, b * d))
        if c != 0 { #expect(x / y == Rational(a * d, b * c)) }
      }
    }
  }

  @Test("A double is converted exactly, and back")
  func doubles() {
    #expect(Rational(exactly: 0.75) == Rational(3, 4))
    #expect(Rational(exactly: -0x1p70) == Rational(-(BigInt(1) << 70), 1))
    #expect(Rational(exactly: 0x1.8p-70) == Rational(3, BigInt(1) << 71))
    #expect(Rational(exactly: -0.0) == .zero)
    let numbers: [Double] = [
      0.1, -1 / 3, 1e300, -1e-300, .leastNonzeroMagnitude, 3 * .leastNonzeroMagnitude, .leastNormalMagnitude,
      .greatestFiniteMagnitude,
    ]
    for x in numbers { #expect(Rational(exactly: x)!.approximation == x) }
    for x in [Double.nan, .infinity, -.infinity] { #expect(Rational(exactly: x) == nil) }
  }

  @Test("The nearest double of a fraction of any size")
  func approximation() {
    #expect(Rational(1, 3).approximation == 1.0 / 3)
    #expect(Rational(-22, 7).approximation == -22.0 / 7)
    let huge = BigInt(10).power(400)
    #expect(Rational(huge, huge * 3).approximation == 1.0 / 3)
    #expect(Rational(huge * huge, huge * huge + 1).approximation == 1)
    #expect(Rational(huge, 1).approximation == .infinity && Rational(-1, huge).approximation == 0)
  }
}
