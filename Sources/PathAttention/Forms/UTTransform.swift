import LinearAlgebra

/// The compact WY representation of the product of n consecutive reflections (UT transform).
///
/// With M = I + stril(diag(β) W Wᵀ), unit lower triangular, and T = M⁻¹ diag(β):
///
///     H_n−1 H_n−2 … H_0 = I − Wᵀ T W
///
/// and the same for any contiguous sub-range with the sub-block of M. Neither M⁻¹ nor T is formed; `apply` solves.
struct UTTransform<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  let W: MatrixView<S>
  let β: MatrixView<S>
  /// Strictly lower part of M. Its unit diagonal is not stored.
  let M: Matrix<S>
  private let rounding: Rounding

  /// Forms M in O(n² d).
  init(W: MatrixView<S>, β: MatrixView<S>, rounding: Rounding) {
    self.W = W
    self.β = β
    self.rounding = rounding
    M = Matrix(rows: W.rows, columns: W.rows)
    rounding.multiply(W, .gramReflections, W.transposed, .gramReflections, into: M)
    keepStrictlyLowerTriangle(of: M)
    scaleRows(of: M, by: β)
  }

  /// T Y = M⁻¹ diag(β) Y.
  func apply(to Y: some ReadableMatrix<S>, _ point: RoundingPoint) -> Matrix<S> {
    let Z = Y.copy()
    rounding.applyTransform(M.view, β: β, to: Z.mutableView, point)
    return Z
  }

  // MARK: Backward

  /// The cotangent of Y in Z = T Y, given that of Z; those of β and of M are collected in `parameters`.
  func backward(
    dZ: some ReadableMatrix<S>, Z: some ReadableMatrix<S>, Y: some ReadableMatrix<S>, into parameters: Cotangent
  ) -> Matrix<S> {
    let N = dZ.copy()
    rounding.solve(unitTriangular: M.transposed, .upper, N.mutableView)
    rounding.subtractProduct(N, .blockCotangents, Z.transposed, .blockProducts, from: parameters.E)
    addRowSums(ofHadamard: N, Y, to: parameters.dβ)
    rounding.round(parameters.dβ.mutableView, .accumulators)
    scaleRows(of: N, by: β)
    return N
  }

  /// The cotangent of the parameters of T: of β where it stands outside the inverse, and E, that of M.
  struct Cotangent {
    let dβ: Matrix<S>
    let E: Matrix<S>
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(dβ: Matrix(rows: W.rows, columns: 1), E: Matrix(rows: W.rows, columns: W.rows))
  }

  /// Adds the collected cotangents to dW and dβ.
  func finish(_ cotangent: Cotangent, dW: MutableMatrixView<S>, dβ: MutableMatrixView<S>) {
    add(cotangent.dβ, to: dβ)
    // M = I + stril(diag(β) W Wᵀ)
    let E = cotangent.E
    keepStrictlyLowerTriangle(of: E)
    let gram = Matrix<S>(rows: W.rows, columns: W.rows)
    rounding.multiply(W, .gramReflections, W.transposed, .gramReflections, into: gram)
    addRowSums(ofHadamard: E, gram, to: dβ)
    scaleRows(of: E, by: β)
    rounding.addProduct(E, .blockCotangents, W, .gramReflections, to: dW)
    rounding.addProduct(E.transposed, .blockCotangents, W, .gramReflections, to: dW)
  }
}

/// M of n consecutive reflections, without its unit diagonal, and T Y: what the forms are made of, for comparison with other
/// text for the same.
package func utTransform<S: Scalar>(
  W: MatrixView<S>, β: MatrixView<S>, of Y: some ReadableMatrix<S>
) -> (M: Matrix<S>, TY: Matrix<S>) {
  let transform = UTTransform(W: W, β: β, rounding: NoRounding())
  return (transform.M, transform.apply(to: Y, .blockProducts))
}
