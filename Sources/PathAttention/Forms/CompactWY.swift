import LinearAlgebra

/// The compact-WY form: all reflections of the segment at once.
///
///     A = tril(Q Kᵀ) − X Z,   X = tril(Q Wᵀ),   Z = T Y,   Y = stril(W Kᵀ)
///
/// O(L² (L + d)) time and O(L²) memory. The blockwise form uses it for its diagonal tiles, with L the block size.
struct CompactWY<S: Scalar, Rounding: RoundingModel<S>>: LogitForm {
  let K: MatrixView<S>
  let transform: UTTransform<S, Rounding>
  /// stril(W Kᵀ)
  let Y: Matrix<S>
  /// T Y
  let Z: Matrix<S>
  private let rounding: Rounding

  var length: Int { K.rows }
  var W: MatrixView<S> { transform.W }
  var pieces: [Range<Int>] { length == 0 ? [] : [0..<length] }

  init(K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, rounding: Rounding) {
    self.K = K
    self.rounding = rounding
    transform = UTTransform(W: W, β: β, rounding: rounding)
    Y = Matrix(rows: K.rows, columns: K.rows)
    rounding.multiply(W, .reflections, K.transposed, .keys, into: Y)
    keepStrictlyLowerTriangle(of: Y)
    Z = transform.apply(to: Y, .blockProducts)
  }

  func forward(_ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>) {
    let X = Matrix<S>(rows: queries.tokens.count, columns: length).mutableView
    let A = Matrix<S>(rows: queries.tokens.count, columns: length).mutableView
    project(queries.Q, tokens: queries.tokens[...], into: X)
    logits(queries.Q, X: X, into: A)
    visitor.visit(A, rows: 0..<A.rows, column: 0)
  }

  /// X ← tril(Q Wᵀ), for the rows of given tokens.
  func project(_ Q: MatrixView<S>, tokens: ArraySlice<Int>, into X: MutableMatrixView<S>) {
    rounding.multiply(Q, .queries, W.transposed, .reflections, into: X)
    keepCausal(X, tokens)
  }

  /// Zeros where the column comes after the token of the row.
  private func keepCausal(_ X: MutableMatrixView<S>, _ tokens: ArraySlice<Int>) {
    clear(X) { tokens[tokens.startIndex + $0] + 1 }
  }

  /// A ← Q Kᵀ − X Z. X Z is strictly lower triangular, so only the part that has no meaning differs from tril.
  func logits(_ Q: MatrixView<S>, X: MutableMatrixView<S>, into A: MutableMatrixView<S>) {
    rounding.multiply(Q, .queries, K.transposed, .keys, into: A)
    rounding.subtractProduct(X, .blockProducts, Z, .blockProducts, from: A)
  }

  // MARK: Backward

  struct Cotangent {
    /// What reaches k directly, and w through X.
    let dK: Matrix<S>
    let dW: Matrix<S>
    let dZ: Matrix<S>
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(
      dK: Matrix(rows: length, columns: K.columns), dW: Matrix(rows: length, columns: K.columns),
      dZ: Matrix(rows: length, columns: length))
  }

  func backward(
    _ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>,
    into cotangent: inout Cotangent
  ) {
    let (Q, tokens) = (queries.Q, queries.tokens[...])
    let X = Matrix<S>(rows: tokens.count, columns: length).mutableView
    let tile = Matrix<S>(rows: tokens.count, columns: length).mutableView
    project(Q, tokens: tokens, into: X)
    logits(Q, X: X, into: tile)
    visitor.visit(tile, rows: 0..<tile.rows, column: 0)
    let dX = Matrix<S>(rows: tokens.count, columns: length).mutableView
    logitsBackward(Q, X: X, G: tile.view, dQ: dQ, dX: dX, into: cotangent)
    projectionBackward(Q, tokens: tokens, dX: dX, dQ: dQ, dW: cotangent.dW)
  }

  /// From the cotangent G of A = tril(Q Kᵀ) − X Z to those of Q, K, Z and X.
  func logitsBackward(
    _ Q: MatrixView<S>, X: MutableMatrixView<S>, G: MatrixView<S>, dQ: MutableMatrixView<S>,
    dX: MutableMatrixView<S>, into cotangent: Cotangent
  ) {
    rounding.addProduct(G, .logitCotangents, K, .keys, to: dQ)
    rounding.addProduct(G.transposed, .logitCotangents, Q, .queries, to: cotangent.dK)
    rounding.subtractProduct(X.transposed, .blockProducts, G, .logitCotangents, from: cotangent.dZ)
    rounding.subtractProduct(G, .logitCotangents, Z.transposed, .blockProducts, from: dX)
  }

  /// From the cotangent of X = tril(Q Wᵀ) to those of Q and W.
  func projectionBackward(
    _ Q: MatrixView<S>, tokens: ArraySlice<Int>, dX: MutableMatrixView<S>, dQ: MutableMatrixView<S>, dW: Matrix<S>
  ) {
    keepCausal(dX, tokens)
    rounding.addProduct(dX, .blockCotangents, W, .reflections, to: dQ)
    rounding.addProduct(dX.transposed, .blockCotangents, Q, .queries, to: dW)
  }

  func finish(_ cotangents: [Cotangent], _ gradient: KeyGradient<S>, threads: Int) {
    precondition(cotangents.count <= 1, "the one piece has one cotangent, an empty segment none")
    guard let cotangent = cotangents.first else { return }
    let parameters = transform.zeroCotangent()
    finish(cotangent, gradient, parameters)
    transform.finish(parameters, dW: gradient.dW, dβ: gradient.dβ)
  }

  /// The same for one cotangent, leaving the parameters of T to the caller, who may have more to say about them.
  func finish(_ cotangent: Cotangent, _ gradient: KeyGradient<S>, _ parameters: UTTransform<S, Rounding>.Cotangent) {
    add(cotangent.dK, to: gradient.dK)
    add(cotangent.dW, to: gradient.dW)
    let dY = transform.backward(dZ: cotangent.dZ, Z: Z, Y: Y, into: parameters)
    keepStrictlyLowerTriangle(of: dY)
    rounding.addProduct(dY.transposed, .blockCotangents, W, .reflections, to: gradient.dK)
    rounding.addProduct(dY, .blockCotangents, K, .keys, to: gradient.dW)
  }
}
