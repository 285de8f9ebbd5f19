import LinearAlgebra

extension LayerParameters {
  /// Y = X Wᵀ + b, one row for each row of X.
  func map(_ X: Matrix<S>, by weight: LayerParameter, bias: LayerParameter? = nil) -> Matrix<S> {
    let W = self[weight]!
    let Y = Matrix<S>(rows: X.rows, columns: W.rows)
    multiply(X, W.transposed, into: Y)
    if let b = bias.flatMap({ self[$0] }) {
      for i in 0..<Y.rows { add(b, to: Y.mutableView.rows(i..<i + 1)) }
    }
    return Y
  }

  /// dX ← dX + dY W; dW ← dW + dYᵀ X and db ← db + the sum of the rows of dY, in the gradients.
  func mapBackward(
    _ dY: Matrix<S>, X: Matrix<S>, by weight: LayerParameter, bias: LayerParameter? = nil, dX: Matrix<S>,
    into gradients: LayerParameters<S>
  ) {
    addProduct(dY, self[weight]!, to: dX)
    addProduct(dY.transposed, X, to: gradients[weight]!)
    if let db = bias.flatMap({ gradients[$0] }) {
      for i in 0..<dY.rows { add(dY.view.rows(i..<i + 1), to: db) }
    }
  }
}
