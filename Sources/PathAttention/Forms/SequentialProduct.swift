import LinearAlgebra

/// The definition, one reflection at a time: for each query, x ← q_i; for j = i … 0: A_ij = x · k_j, x ← x H_j.
///
/// O(L² d) time and O(d) live state per query forward, O(L d) backward. It shares no algebra with the other two forms, and
/// must not: it is what they are compared with.
struct SequentialProduct<S: Scalar>: LogitForm {
  let K: MatrixView<S>
  let W: MatrixView<S>
  let β: MatrixView<S>

  static var pieceSize: Int { 64 }
  var pieces: [Range<Int>] { ranges(of: K.rows, by: Self.pieceSize) }

  func forward(_ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>) {
    let x = Matrix<S>(rows: 1, columns: K.columns)
    let A = Matrix<S>(rows: 1, columns: K.rows)
    for (r, i) in queries.tokens.enumerated() {
      assign(queries.Q.rows(r..<r + 1), to: x)
      let logits = A.mutableView.columns(0..<i + 1)
      for j in (0...i).reversed() {
        logits[0, j] = S.dot(x.view.row(0), K.row(j))
        reflect(x.mutableView, j)
      }
      visitor.visit(logits, rows: r..<r + 1, column: 0)
    }
  }

  /// x ← x H_j = x − β_j (x · w_j) w_j
  private func reflect(_ x: MutableMatrixView<S>, _ j: Int) {
    let s = S.dot(x.view.row(0), W.row(j))
    S.addScaled(-(β[j, 0] * s), W.row(j), to: x.row(0))
  }

  // MARK: Backward

  struct Cotangent {
    let dK: Matrix<S>
    let dW: Matrix<S>
    let dβ: Matrix<S>
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(
      dK: Matrix(rows: K.rows, columns: K.columns), dW: Matrix(rows: K.rows, columns: K.columns),
      dβ: Matrix(rows: K.rows, columns: 1))
  }

  func backward(
    _ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>,
    into cotangent: inout Cotangent
  ) {
    let dK = cotangent.dK.mutableView
    let dW = cotangent.dW.mutableView
    let dβ = cotangent.dβ.mutableView
    // Row j holds x_ij = q_i H_i … H_{j+1}: kept, because H_j may be singular and cannot be undone.
    let X = Matrix<S>(rows: K.rows, columns: K.columns).mutableView
    let A = Matrix<S>(rows: 1, columns: K.rows)
    // The cotangent of x_ij H_j, that is of x_{i,j−1}.
    let y = Matrix<S>(rows: 1, columns: K.columns).mutableView
    for (r, i) in queries.tokens.enumerated() {
      let G = A.mutableView.columns(0..<i + 1)
      assign(queries.Q.rows(r..<r + 1), to: X.rows(i..<i + 1))
      for j in (0...i).reversed() {
        let x = X.rows(j..<j + 1)
        G[0, j] = S.dot(x.view.row(0), K.row(j))
        guard j > 0 else { break }
        assign(x, to: X.rows(j - 1..<j))
        reflect(X.rows(j - 1..<j), j)
      }
      visitor.visit(G, rows: r..<r + 1, column: 0)

      fill(y, with: .zero)
      for j in 0...i {
        let x = X.view.row(j)
        // x_{i,j−1} = x − β_j u w_j with u = x · w_j, whose cotangent is y.
        let u = S.dot(x, W.row(j))
        let s = S.dot(y.view.row(0), W.row(j))
        dβ[j, 0] -= u * s
        S.addScaled(-(β[j, 0] * s), x, to: dW.row(j))
        S.addScaled(-(β[j, 0] * u), y.view.row(0), to: dW.row(j))
        S.addScaled(-(β[j, 0] * s), W.row(j), to: y.row(0))
        // A_ij = x · k_j.
        S.addScaled(G[0, j], x, to: dK.row(j))
        S.addScaled(G[0, j], K.row(j), to: y.row(0))
      }
      add(y, to: dQ.rows(r..<r + 1))
    }
  }

  func finish(_ cotangents: [Cotangent], _ gradient: KeyGradient<S>, threads: Int) {
    for cotangent in cotangents {
      add(cotangent.dK, to: gradient.dK)
      add(cotangent.dW, to: gradient.dW)
      add(cotangent.dβ, to: gradient.dβ)
    }
  }
}
