import LinearAlgebra
import PathAttention

/// A number with the knowledge whether single precision would have arrived at it exactly, summing in any order: then it
/// does not matter how BLAS orders its sums on the machine at hand.
struct SinglePrecisionProbe: RealScalar {
  let value: Double
  let isExact: Bool

  init(_ value: Double, isExact: Bool) {
    self.value = value
    self.isExact = isExact && Double(Float(value)) == value
  }

  init(_ value: Double) { self.init(value, isExact: true) }
  init(_ value: Int) { self.init(Double(value)) }
  static var zero: Self { Self(0) }
  var isFinite: Bool { value.isFinite }

  // Operands have 24 bits, so sums and products are exact in Double where they are in Float.
  static func + (x: Self, y: Self) -> Self { sum([x, y]) }
  static func - (x: Self, y: Self) -> Self { sum([x, -y]) }
  static prefix func - (x: Self) -> Self { Self(-x.value, isExact: x.isExact) }

  /// Zero times a number that is not exact is zero all the same.
  static func * (x: Self, y: Self) -> Self {
    let isZero = x.value == 0 && x.isExact || y.value == 0 && y.isExact
    return Self(x.value * y.value, isExact: isZero || x.isExact && y.isExact)
  }

  static func / (x: Self, y: Self) -> Self {
    let quotient = x.value / y.value
    return Self(quotient, isExact: x.isExact && y.isExact && quotient * y.value == x.value)
  }

  /// Exact in any order if the magnitudes add up to at most 2²⁴ units of the last place that any term has.
  private static func sum(_ terms: [Self]) -> Self {
    var (value, magnitude, unit, isExact) = (0.0, 0.0, Double.infinity, true)
    for term in terms where term.value != 0 || !term.isExact {
      value += term.value
      magnitude += abs(term.value)
      unit = min(unit, lastPlace(term.value))
      isExact = isExact && term.isExact
    }
    return Self(value, isExact: isExact && (magnitude == 0 || magnitude <= 0x1p24 * unit))
  }

  /// The value of the lowest bit that is set; +∞ for zero.
  private static func lastPlace(_ x: Double) -> Double {
    guard x != 0 else { return .infinity }
    let bits = x.significandBitPattern | 1 << 52
    return Double(sign: .plus, exponent: Int(x.exponent) - 52 + bits.trailingZeroBitCount, significand: 1)
  }

  static func sum(_ x: UnsafeBufferPointer<Self>) -> Self { sum(Array(x)) }

  static func dot(_ x: UnsafeBufferPointer<Self>, _ y: UnsafeBufferPointer<Self>) -> Self {
    sum(x.indices.map { x[$0] * y[$0] })
  }

  static func multiply(
    _ A: MatrixView<Self>, _ B: MatrixView<Self>, into C: MutableMatrixView<Self>, _ update: ProductUpdate
  ) {
    for i in 0..<C.rows {
      for j in 0..<C.columns {
        let terms = (0..<A.columns).map { A[i, $0] * B[$0, j] }
        switch update {
        case .replace: C[i, j] = sum(terms)
        case .add: C[i, j] = sum(terms + [C[i, j]])
        case .subtract: C[i, j] = sum(terms.map { -$0 } + [C[i, j]])
        }
      }
    }
  }

  static func solve(unitTriangular M: MatrixView<Self>, _ triangle: Triangle, _ B: MutableMatrixView<Self>) {
    for step in 0..<M.rows {
      let i = triangle == .lower ? step : M.rows - 1 - step
      let first = triangle == .lower ? 0 : i + 1
      for column in 0..<B.columns {
        let terms = (first..<first + step).map { M[i, $0] * B[$0, column] }
        B[i, column] = sum(terms.map { -$0 } + [B[i, column]])
      }
    }
  }

  static func pivot(_ s: Self, _ t: Self) -> Self { s.value > t.value ? s : t }

  static func exponential(_ s: Self, minus m: Self) -> Self {
    let difference = s - m
    let value = Double.exp(difference.value)
    return Self(value, isExact: difference.isExact && (value == 0 || value == 1))
  }

  static func logSumExp(pivot m: Self, sum l: Self) -> Self {
    Self(m.value + .log(l.value), isExact: m.isExact && l.isExact && l.value == 1)
  }
}
