import LinearAlgebra

/// Rounding as a kernel in another arithmetic does it, emulated in `Double` while the compact-WY or blockwise form is
/// computed.
///
/// This says how; where is said by `RoundingPoint`. Where kernels form T = M⁻¹ diag(β), so does the emulation, where the
/// library solves. A sum is split into parts of `sumLength` terms: each part is exact to `Double`, and the accumulator is
/// rounded after each, as it is in a matrix unit that takes so many terms at a time. So the error of a sum grows with its
/// length and with the size of the partial sums, not of the result.
public struct EmulatedRounding: Sendable {
  /// How many terms of a sum are added between two roundings of the accumulator.
  public let sumLength: Int
  /// Rounds a row of numbers where they are. Called from any thread.
  ///
  /// Results do not depend on the number of threads, nor on whether a number is stored rounded or is rounded at every use,
  /// if what a number is rounded to depends on the number and the point alone.
  public let round: @Sendable (UnsafeMutableBufferPointer<Double>, RoundingPoint) -> Void

  /// Rounding by a function on rows.
  ///
  /// - Precondition: `sumLength` is at least 1.
  public init(sumLength: Int, round: @escaping @Sendable (UnsafeMutableBufferPointer<Double>, RoundingPoint) -> Void) {
    precondition(sumLength >= 1, "a sum is rounded after at least one term")
    self.sumLength = sumLength
    self.round = round
  }
}

extension EmulatedRounding {
  /// One number, rounded.
  package func rounded(_ x: Double, _ point: RoundingPoint) -> Double {
    var x = x
    withUnsafeMutablePointer(to: &x) { round(UnsafeMutableBufferPointer(start: $0, count: 1), point) }
    return x
  }
}

/// Emulated rounding in a problem, whose scale has to be known: queries come multiplied by it.
package struct ScaledRounding: RoundingModel {
  let emulation: EmulatedRounding
  let scale: Double

  package init(emulation: EmulatedRounding, scale: Double) {
    self.emulation = emulation
    self.scale = scale
  }

  package func multiply(
    _ A: MatrixView<Double>, _ a: RoundingPoint, _ B: MatrixView<Double>, _ b: RoundingPoint,
    into C: MutableMatrixView<Double>, _ update: ProductUpdate
  ) {
    let (A, B) = (operand(A, a), operand(B, b))
    for terms in ranges(of: A.columns, by: emulation.sumLength) {
      let (A, B) = (A.columns(terms), B.rows(terms))
      switch update {
      case .replace where terms.lowerBound == 0: LinearAlgebra.multiply(A, B, into: C)
      case .replace, .add: LinearAlgebra.addProduct(A, B, to: C)
      case .subtract: LinearAlgebra.subtractProduct(A, B, from: C)
      }
      round(C, .accumulators)
    }
  }

  /// A copy, rounded; the transpose of one when A is the transpose of a window, so that rows stay contiguous.
  private func operand(_ A: MatrixView<Double>, _ point: RoundingPoint) -> MatrixView<Double> {
    if A.columnStride == 1 || A.columns == 1 {
      let copy = A.copy()
      round(copy.mutableView, point)
      return copy.view
    }
    let copy = A.transposed.copy()
    round(copy.mutableView, point)
    return copy.view.transposed
  }

  package func solve(unitTriangular M: MatrixView<Double>, _ triangle: Triangle, _ B: MutableMatrixView<Double>) {
    let inverse = Matrix<Double>(rows: M.rows, columns: M.rows)
    for t in 0..<M.rows { inverse.mutableView[t, t] = 1 }
    LinearAlgebra.solve(unitTriangular: M, triangle, inverse)
    multiply(inverse.view, .transform, B.copy().view, .blockCotangents, into: B, .replace)
  }

  package func applyTransform(
    _ M: MatrixView<Double>, β: MatrixView<Double>, to B: MutableMatrixView<Double>, _ b: RoundingPoint
  ) {
    let T = Matrix<Double>(rows: M.rows, columns: M.rows)
    for t in 0..<M.rows { T.mutableView[t, t] = β[t, 0] }
    LinearAlgebra.solve(unitTriangular: M, .lower, T)
    round(T.mutableView, .accumulators)
    multiply(T.view, .transform, B.copy().view, b, into: B, .replace)
  }

  package func round(_ A: MutableMatrixView<Double>, _ point: RoundingPoint) {
    if A.columnStride != 1 && A.columns > 1 { return round(A.transposed, point) }
    for i in 0..<A.rows { round(A.row(i), point) }
  }

  package func round(_ row: UnsafeMutableBufferPointer<Double>, _ point: RoundingPoint) {
    guard point.isScaled, scale != 0, scale != 1 else { return emulation.round(row, point) }
    for j in 0..<row.count { row[j] /= scale }
    emulation.round(row, point)
    for j in 0..<row.count { row[j] *= scale }
  }
}
