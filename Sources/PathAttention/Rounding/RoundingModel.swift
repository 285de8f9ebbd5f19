import LinearAlgebra

/// What rounding happens on the way through the compact-WY and blockwise forms and the softmax, beyond that of the scalar.
///
/// The forms take their products from here, naming what the operands are, and call `round` where sums are kept. They are
/// generic over it: with `NoRounding` nothing is left of it in the compiled text.
protocol RoundingModel<Element>: Sendable {
  associatedtype Element: Scalar

  /// C ← A B, C + A B or C − A B with both operands rounded as they enter it, and the sums as they grow.
  func multiply(
    _ A: MatrixView<Element>, _ a: RoundingPoint, _ B: MatrixView<Element>, _ b: RoundingPoint,
    into C: MutableMatrixView<Element>, _ update: ProductUpdate)

  /// B ← M⁻¹ B for a unit triangular M.
  func solve(unitTriangular M: MatrixView<Element>, _ triangle: Triangle, _ B: MutableMatrixView<Element>)

  /// B ← M⁻¹ diag(β) B for a unit lower triangular M.
  func applyTransform(
    _ M: MatrixView<Element>, β: MatrixView<Element>, to B: MutableMatrixView<Element>, _ b: RoundingPoint)

  /// Every entry of A, rounded where it is.
  func round(_ A: MutableMatrixView<Element>, _ point: RoundingPoint)

  /// Every entry of a row, rounded where it is.
  func round(_ row: UnsafeMutableBufferPointer<Element>, _ point: RoundingPoint)
}

extension RoundingModel {
  /// C ← A B
  @inline(__always)
  func multiply(
    _ A: some ReadableMatrix<Element>, _ a: RoundingPoint, _ B: some ReadableMatrix<Element>, _ b: RoundingPoint,
    into C: some WritableMatrix<Element>
  ) {
    multiply(A.view, a, B.view, b, into: C.mutableView, .replace)
  }

  /// C ← C + A B
  @inline(__always)
  func addProduct(
    _ A: some ReadableMatrix<Element>, _ a: RoundingPoint, _ B: some ReadableMatrix<Element>, _ b: RoundingPoint,
    to C: some WritableMatrix<Element>
  ) {
    multiply(A.view, a, B.view, b, into: C.mutableView, .add)
  }

  /// C ← C − A B
  @inline(__always)
  func subtractProduct(
    _ A: some ReadableMatrix<Element>, _ a: RoundingPoint, _ B: some ReadableMatrix<Element>, _ b: RoundingPoint,
    from C: some WritableMatrix<Element>
  ) {
    multiply(A.view, a, B.view, b, into: C.mutableView, .subtract)
  }

  /// A number, rounded.
  @inline(__always)
  func rounded(_ x: Element, _ point: RoundingPoint) -> Element {
    var x = x
    withUnsafeMutablePointer(to: &x) { round(UnsafeMutableBufferPointer(start: $0, count: 1), point) }
    return x
  }
}

/// No rounding but that of the scalar.
struct NoRounding<Element: Scalar>: RoundingModel {
  @inline(__always)
  func multiply(
    _ A: MatrixView<Element>, _ a: RoundingPoint, _ B: MatrixView<Element>, _ b: RoundingPoint,
    into C: MutableMatrixView<Element>, _ update: ProductUpdate
  ) {
    switch update {
    case .replace: LinearAlgebra.multiply(A, B, into: C)
    case .add: LinearAlgebra.addProduct(A, B, to: C)
    case .subtract: LinearAlgebra.subtractProduct(A, B, from: C)
    }
  }

  @inline(__always)
  func solve(unitTriangular M: MatrixView<Element>, _ triangle: Triangle, _ B: MutableMatrixView<Element>) {
    LinearAlgebra.solve(unitTriangular: M, triangle, B)
  }

  @inline(__always)
  func applyTransform(
    _ M: MatrixView<Element>, β: MatrixView<Element>, to B: MutableMatrixView<Element>, _ b: RoundingPoint
  ) {
    scaleRows(of: B, by: β)
    LinearAlgebra.solve(unitTriangular: M, .lower, B)
  }

  @inline(__always)
  func round(_ A: MutableMatrixView<Element>, _ point: RoundingPoint) {}

  @inline(__always)
  func round(_ row: UnsafeMutableBufferPointer<Element>, _ point: RoundingPoint) {}

  @inline(__always)
  func rounded(_ x: Element, _ point: RoundingPoint) -> Element { x }
}
