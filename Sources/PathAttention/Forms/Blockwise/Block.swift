import LinearAlgebra

/// The key side of one block, as its own queries and the ones after it see it.
struct Block<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  /// The tokens, within the segment.
  let range: Range<Int>
  let diagonal: CompactWY<S, Rounding>
  /// U = T W
  let U: Matrix<S>
  private let rounding: Rounding

  init(_ range: Range<Int>, K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, rounding: Rounding) {
    self.range = range
    self.rounding = rounding
    diagonal = CompactWY(K: K.rows(range), W: W.rows(range), β: β.rows(range), rounding: rounding)
    U = diagonal.transform.apply(to: diagonal.W, .reflections)
  }

  /// What the queries after the block need to know of it: K̂ = K − Zᵀ W and R = I − Wᵀ U.
  func run() -> FoldedKeys<S, Rounding>.Run {
    let (K, W) = (diagonal.K, diagonal.W)
    let K̂ = K.copy()
    rounding.subtractProduct(diagonal.Z.transposed, .blockProducts, W, .reflections, from: K̂)
    let R = Matrix<S>(rows: W.columns, columns: W.columns)
    for t in 0..<W.columns { R.mutableView[t, t] = .one }
    rounding.subtractProduct(W.transposed, .carryFactors, U, .carryFactors, from: R)
    return FoldedKeys.Run(range: range, K̂: K̂.view, R: R)
  }

  // MARK: Backward

  /// The cotangent of U beside those of the diagonal tile.
  struct Cotangent {
    let diagonal: CompactWY<S, Rounding>.Cotangent
    let dU: Matrix<S>
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(diagonal: diagonal.zeroCotangent(), dU: Matrix(rows: U.rows, columns: U.columns))
  }

  /// Adds what the block's own queries had to say, and the later ones of K̂ and R, to the gradients of its keys, w and β.
  ///
  /// - Parameter run: The cotangents of K̂ and R; nil for the last block.
  func finish(
    _ cotangent: Cotangent, _ run: FoldedKeys<S, Rounding>.Cotangent?, _ gradient: KeyGradient<S>
  ) {
    let (W, Z) = (diagonal.W, diagonal.Z)
    let (dU, dZ) = (cotangent.dU, cotangent.diagonal.dZ)
    if let run {
      // K̂ = K − Zᵀ W
      let dK̂ = run.dK̂
      add(dK̂, to: gradient.dK)
      rounding.subtractProduct(W, .reflections, dK̂.transposed, .blockCotangents, from: dZ)
      rounding.subtractProduct(Z, .blockProducts, dK̂, .blockCotangents, from: gradient.dW)
      // R = I − Wᵀ U
      let dR = run.dR
      rounding.subtractProduct(W, .carryFactors, dR, .blockCotangents, from: dU)
      rounding.subtractProduct(U, .carryFactors, dR.transposed, .blockCotangents, from: gradient.dW)
    }
    // U = T W and Z = T Y
    let transform = diagonal.transform
    let parameters = transform.zeroCotangent()
    add(transform.backward(dZ: dU, Z: U, Y: W, into: parameters), to: gradient.dW)
    diagonal.finish(cotangent.diagonal, gradient, parameters)
    transform.finish(parameters, dW: gradient.dW, dβ: gradient.dβ)
  }
}
