import LinearAlgebra

/// What the cache holds of one key/value head of one sequence: the keys, carried to the present, and the values.
///
/// Row j of the keys is k_j H_{j+1} … H_n after n tokens, so that the logits of a query that has seen nothing since are
/// plain products with it.
struct HeadCache<S: Scalar>: Sendable {
  private(set) var keys: GrowingMatrix<S>
  private(set) var values: GrowingMatrix<S>

  init(keyDim: Int, valueDim: Int) {
    keys = GrowingMatrix(columns: keyDim)
    values = GrowingMatrix(columns: valueDim)
  }

  /// Consecutive tokens of one head of one sequence.
  struct Tokens {
    let K: MatrixView<S>
    let V: MatrixView<S>
    let W: MatrixView<S>
    let β: MatrixView<S>
    /// The queries of the group. None if nobody asks for logits.
    let Q: [MatrixView<S>]
  }

  typealias Visitor = (_ query: Int, _ logits: MutableMatrixView<S>, _ values: MatrixView<S>) -> Void

  /// Takes one token in: k_j ← k_j H for every key that is there, then the new key as it is. A_ij = q · k_j for all of them.
  ///
  /// - Parameters:
  ///   - token: One row of each.
  ///   - roundStored: What storing a number makes of it.
  ///   - visit: Given the place of a query head in the group, its row of unscaled logits, 1 × (n + 1), and all values.
  mutating func takeOne(_ token: Tokens, roundStored: ((S) -> S)?, visit: Visitor) {
    reflectKeys(token.W.row(0), β: token.β[0, 0])
    values.append(token.V, roundStored)
    keys.append(token.K)
    keys.store(rows: 0..<keys.rows, roundStored)
    let A = Matrix<S>(rows: 1, columns: keys.rows)
    for (query, Q) in token.Q.enumerated() {
      for j in 0..<keys.rows { A.mutableView[0, j] = S.dot(Q.row(0), keys.view.row(j)) }
      visit(query, A.mutableView, values.view)
    }
  }

  /// k_j ← k_j H = k_j − β (k_j · w) w for every key.
  private mutating func reflectKeys(_ w: UnsafeBufferPointer<S>, β: S) {
    let keys = keys.mutableView()
    for j in 0..<keys.rows {
      let key = keys.row(j)
      S.addScaled(-(β * S.dot(UnsafeBufferPointer(key), w)), w, to: key)
    }
  }

  /// Takes several tokens in at once, as one block in compact WY form, R = I − Wᵀ U:
  ///
  ///     logits with old keys   Q̃ K̂ᵀ,  Q̃ = Q − X U
  ///     logits among the new   Q Kᵀ − X Z
  ///     old keys               K̂ ← K̂ Rᵀ = K̂ − (K̂ Uᵀ) W
  ///     new keys               K − Zᵀ W
  ///
  /// O((n + p + d) p d) for p tokens after n.
  ///
  /// - Parameters:
  ///   - tokens: p rows of each.
  ///   - roundStored: What storing a number makes of it.
  ///   - visit: Given the place of a query head in the group, its unscaled logits, p × (n + p), of which those right of the
  ///     diagonal of the last p columns have no meaning, and all values.
  mutating func takeTogether(_ tokens: Tokens, roundStored: ((S) -> S)?, visit: Visitor) {
    let (n, p) = (keys.rows, tokens.K.rows)
    let block = Block(0..<p, K: tokens.K, W: tokens.W, β: tokens.β, rounding: NoRounding<S>())
    values.append(tokens.V, roundStored)
    for (query, Q) in tokens.Q.enumerated() {
      let A = Matrix<S>(rows: p, columns: n + p)
      let X = Matrix<S>(rows: p, columns: p)
      block.diagonal.project(Q, tokens: Array(0..<p)[...], into: X.mutableView)
      let pulled = Q.copy()
      subtractProduct(X, block.U, from: pulled)
      multiply(pulled, keys.view.transposed, into: A.mutableView.columns(0..<n))
      block.diagonal.logits(Q, X: X.mutableView, into: A.mutableView.columns(n..<n + p))
      visit(query, A.mutableView, values.view)
    }
    let projections = Matrix<S>(rows: n, columns: p)
    multiply(keys.view, block.U.transposed, into: projections)
    subtractProduct(projections, tokens.W, from: keys.mutableView())
    let carried = tokens.K.copy()
    subtractProduct(block.diagonal.Z.transposed, tokens.W, from: carried)
    keys.append(carried.view)
    keys.store(rows: 0..<keys.rows, roundStored)
  }
}

extension GrowingMatrix {
  /// Appends rows as they are after storing.
  fileprivate mutating func append(_ newRows: MatrixView<S>, _ roundStored: ((S) -> S)?) {
    append(newRows)
    store(rows: rows - newRows.rows..<rows, roundStored)
  }

  /// Replaces entries by what storing makes of them.
  fileprivate mutating func store(rows: Range<Int>, _ roundStored: ((S) -> S)?) {
    guard let roundStored else { return }
    let view = mutableView().rows(rows)
    for i in 0..<view.rows {
      let row = view.row(i)
      for lane in 0..<row.count { row[lane] = roundStored(row[lane]) }
    }
  }
}
