/// A number that the three forms of PaTH attention can be evaluated in: a commutative ring, and the few operations on
/// rows and matrices that a type may have a faster way for.
///
/// Each form is written once, over a `Scalar`. `Float` and `Double` send the matrix operations to OpenBLAS; every other
/// type (`PrimeField`, …) takes the plain loops below. So an identity checked exactly over a prime field is checked of the
/// text that runs with BLAS.
///
/// A type conforms by giving the ring: `zero`, `+`, `-` (from `AdditiveArithmetic`), `*`, prefix `-` and the image of the
/// integers. There is deliberately no division: M = I + stril(diag(β) W Wᵀ) is unit lower triangular, so no form divides.
public protocol Scalar: AdditiveArithmetic, Sendable {
  /// The image of an integer under the ring homomorphism ℤ → Self.
  init(_ value: Int)

  /// The product.
  static func * (x: Self, y: Self) -> Self

  /// The additive inverse.
  static prefix func - (x: Self) -> Self

  /// Σ_i x_i y_i over two rows of the same length.
  static func dot(_ x: UnsafeBufferPointer<Self>, _ y: UnsafeBufferPointer<Self>) -> Self

  /// Σ_i x_i over a row.
  static func sum(_ x: UnsafeBufferPointer<Self>) -> Self

  /// y ← y + α x over two rows of the same length.
  static func addScaled(_ α: Self, _ x: UnsafeBufferPointer<Self>, to y: UnsafeMutableBufferPointer<Self>)

  /// C ← A B, C ← C + A B or C ← C − A B. The shapes fit; C overlaps neither A nor B.
  static func multiply(
    _ A: MatrixView<Self>, _ B: MatrixView<Self>, into C: MutableMatrixView<Self>, _ update: ProductUpdate)

  /// B ← M⁻¹ B for a square M that is unit triangular: only the entries strictly inside `triangle` are read.
  static func solve(unitTriangular M: MatrixView<Self>, _ triangle: Triangle, _ B: MutableMatrixView<Self>)
}

/// What happens to the old value of C when a product A B is written to it.
public enum ProductUpdate: Sendable {
  /// C ← A B; the old value is not read.
  case replace
  /// C ← C + A B.
  case add
  /// C ← C − A B.
  case subtract
}

/// One of the two triangles of a square matrix.
public enum Triangle: Sendable {
  /// Entries (i, j) with j < i.
  case lower
  /// Entries (i, j) with j > i.
  case upper
}

extension Scalar {
  /// The multiplicative identity.
  @inlinable public static var one: Self { Self(1) }

  /// Stores the product in the left operand.
  @inlinable public static func *= (x: inout Self, y: Self) { x = x * y }

  /// Σ_i x_i y_i, left to right.
  @inlinable
  public static func dot(_ x: UnsafeBufferPointer<Self>, _ y: UnsafeBufferPointer<Self>) -> Self {
    var sum = Self.zero
    for i in 0..<x.count { sum += x[i] * y[i] }
    return sum
  }

  /// Σ_i x_i, left to right.
  @inlinable
  public static func sum(_ x: UnsafeBufferPointer<Self>) -> Self {
    var sum = Self.zero
    for i in 0..<x.count { sum += x[i] }
    return sum
  }

  /// y ← y + α x.
  @inlinable
  public static func addScaled(
    _ α: Self, _ x: UnsafeBufferPointer<Self>, to y: UnsafeMutableBufferPointer<Self>
  ) {
    for i in 0..<x.count { y[i] += α * x[i] }
  }

  /// The product by plain loops: O(rows · columns · inner).
  @inlinable
  public static func multiply(
    _ A: MatrixView<Self>, _ B: MatrixView<Self>, into C: MutableMatrixView<Self>, _ update: ProductUpdate
  ) {
    for i in 0..<C.rows {
      for j in 0..<C.columns {
        var sum = Self.zero
        for k in 0..<A.columns { sum += A[i, k] * B[k, j] }
        switch update {
        case .replace: C[i, j] = sum
        case .add: C[i, j] += sum
        case .subtract: C[i, j] -= sum
        }
      }
    }
  }

  /// Forward (lower) or backward (upper) substitution: O(rows² · columns).
  @inlinable
  public static func solve(unitTriangular M: MatrixView<Self>, _ triangle: Triangle, _ B: MutableMatrixView<Self>) {
    let n = M.rows
    for step in 0..<n {
      let i = triangle == .lower ? step : n - 1 - step
      let solved = triangle == .lower ? 0..<i : (i + 1)..<n
      for column in 0..<B.columns {
        var x = B[i, column]
        for j in solved { x -= M[i, j] * B[j, column] }
        B[i, column] = x
      }
    }
  }
}
