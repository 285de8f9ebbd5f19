import LinearAlgebra
import Testing

/// Dual numbers carry exact derivatives.
@Suite struct DualTests {
  @Test("The derivative of xⁿ is n xⁿ⁻¹, exactly")
  func powers() {
    for point in [0, 1, 2, -3, 1_234_567] {
      let x = Dual(PrimeField(point), derivative: PrimeField(7))
      var power = Dual<PrimeField>.one
      var previous = PrimeField.zero
      for n in 0...20 {
        #expect(power.derivative == PrimeField(n) * previous * PrimeField(7))
        previous = power.value
        power *= x
      }
    }
  }

  @Test("Sums, differences and negatives are differentiated term by term; constants have no derivative")
  func linearity() {
    let (x, y) = (Dual(3.0, derivative: 2), Dual(5.0, derivative: -1))
    #expect(x + y == Dual(8, derivative: 1))
    #expect(x - y == Dual(-2, derivative: 3))
    #expect(-x == Dual(-3, derivative: -2))
    #expect(x * y == Dual(15, derivative: 3 * -1 + 2 * 5))
    #expect(Dual<Double>(4) == Dual(4.0, derivative: 0) && Dual(4.0).derivative == 0)
  }

  @Test("A derivative of a derivative: dual numbers nest")
  func nesting() {
    // x³ at 2: 8, 12, 12 for value, first and second derivative.
    let x = Dual(Dual(2.0, derivative: 1), derivative: Dual(1.0))
    let cube = x * x * x
    #expect(cube.value.value == 8 && cube.value.derivative == 12)
    #expect(cube.derivative.value == 12 && cube.derivative.derivative == 12)
  }
}
