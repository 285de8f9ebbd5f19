import LinearAlgebra

/// What the key side of one block contributes to the queries of the block and after it.
struct Block<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  /// The tokens, within the segment.
  let range: Range<Int>
  let diagonal: CompactWY<S, Rounding>
  /// U = T W
  let U: Matrix<S>
  /// Keys carried to the end of the block: K̂ = K − Zᵀ W, row t: H_last … H_{t+1} k_tᵀ
  let carriedKeys: Matrix<S>
  /// R = I − Wᵀ U = H_last … H_first
  let R: Matrix<S>
  private let rounding: Rounding

  init(_ range: Range<Int>, K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, rounding: Rounding) {
    self.range = range
    self.rounding = rounding
    diagonal = CompactWY(K: K.rows(range), W: W.rows(range), β: β.rows(range), rounding: rounding)
    U = diagonal.transform.apply(to: diagonal.W, .reflections)
    carriedKeys = diagonal.K.copy()
    rounding.subtractProduct(diagonal.Z.transposed, .blockProducts, diagonal.W, .reflections, from: carriedKeys)
    R = Matrix(rows: W.columns, columns: W.columns)
    for t in 0..<W.columns { R.mutableView[t, t] = .one }
    rounding.subtractProduct(diagonal.W.transposed, .carryFactors, U, .carryFactors, from: R)
  }

  /// The tokens of a block, counted from its first one.
  func local(_ tokens: ArraySlice<Int>) -> ArraySlice<Int> { tokens.map { $0 - range.lowerBound }[...] }

  // MARK: Backward

  /// The cotangents of K̂, U and R beside those of the diagonal tile.
  struct Cotangent {
    let diagonal: CompactWY<S, Rounding>.Cotangent
    let dU: Matrix<S>
    let dCarriedKeys: Matrix<S>
    let dR: Matrix<S>
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(
      diagonal: diagonal.zeroCotangent(), dU: Matrix(rows: U.rows, columns: U.columns),
      dCarriedKeys: Matrix(rows: U.rows, columns: U.columns), dR: Matrix(rows: R.rows, columns: R.columns))
  }

  /// Adds what was collected to the gradients of the block's keys, w and β.
  func finish(_ cotangent: Cotangent, _ gradient: KeyGradient<S>) {
    let (W, Z) = (diagonal.W, diagonal.Z)
    let (dU, dZ) = (cotangent.dU, cotangent.diagonal.dZ)
    // K̂ = K − Zᵀ W
    let dK̂ = cotangent.dCarriedKeys
    add(dK̂, to: gradient.dK)
    rounding.subtractProduct(W, .reflections, dK̂.transposed, .blockCotangents, from: dZ)
    rounding.subtractProduct(Z, .blockProducts, dK̂, .blockCotangents, from: gradient.dW)
    // R = I − Wᵀ U
    let dR = cotangent.dR
    rounding.subtractProduct(W, .carryFactors, dR, .blockCotangents, from: dU)
    rounding.subtractProduct(U, .carryFactors, dR.transposed, .blockCotangents, from: gradient.dW)
    // U = T W and Z = T Y
    let transform = diagonal.transform
    let parameters = transform.zeroCotangent()
    add(transform.backward(dZ: dU, Z: U, Y: W, into: parameters), to: gradient.dW)
    diagonal.finish(cotangent.diagonal, gradient, parameters)
    transform.finish(parameters, dW: gradient.dW, dβ: gradient.dβ)
  }
}
