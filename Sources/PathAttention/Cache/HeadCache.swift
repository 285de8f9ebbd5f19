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

  /// Consecutive tokens of one head of one sequence, and what looks at the logits of their queries.
  struct Tokens<Visitors: CacheVisitors<S>> {
    let K: MatrixView<S>
    let V: MatrixView<S>
    let W: MatrixView<S>
    let β: MatrixView<S>
    /// The queries of the group, scaled, with the heads they are of. None if nobody asks for logits.
    let queries: [(head: Int, Q: Matrix<S>)]
    let visitors: Visitors
    let place: CachePlace
    let gates: [GateMap<S>]
  }

  /// Takes one token in: k_j ← k_j H for every key that is there, then the new key as it is. A_ij = q · k_j for all of them.
  ///
  /// - Parameters:
  ///   - token: One row of each.
  ///   - roundStored: What storing a number makes of it.
  private mutating func takeOne<Visitors>(_ token: Tokens<Visitors>, roundStored: ((S) -> S)?) {
    reflectKeys(token.W.row(0), β: token.β[0, 0])
    values.append(token.V, roundStored)
    keys.append(token.K)
    keys.store(rows: 0..<keys.rows, roundStored)
    let A = Matrix<S>(rows: 1, columns: keys.rows)
    for (head, Q) in token.queries {
      for j in 0..<keys.rows { A.mutableView[0, j] = S.dot(Q.view.row(0), keys.view.row(j)) }
      visit(A.mutableView, head, token)
    }
  }

  /// Hands a tile with all logits of some tokens of a query head to what looks at them.
  private func visit<Visitors>(_ tile: MutableMatrixView<S>, _ queryHead: Int, _ tokens: Tokens<Visitors>) {
    let visitor = tokens.visitors.visitor(
      tokens.place, queryHead: queryHead, values: values.view,
      gate: tokens.gates.isEmpty ? nil : tokens.gates[queryHead])
    visitor.visit(tile, rows: 0..<tile.rows, column: 0)
    tokens.visitors.finish(visitor, tokens.place, queryHead: queryHead)
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
  private mutating func takeTogether<Visitors>(_ tokens: Tokens<Visitors>, roundStored: ((S) -> S)?) {
    let (n, p) = (keys.rows, tokens.K.rows)
    let block = Block(0..<p, K: tokens.K, W: tokens.W, β: tokens.β, rounding: NoRounding<S>())
    values.append(tokens.V, roundStored)
    for (head, Q) in tokens.queries {
      let A = Matrix<S>(rows: p, columns: n + p)
      let X = Matrix<S>(rows: p, columns: p)
      block.diagonal.project(Q.view, tokens: Array(0..<p)[...], into: X.mutableView)
      let Q̃ = Q.copy()
      subtractProduct(X, block.U, from: Q̃)
      multiply(Q̃, keys.view.transposed, into: A.mutableView.columns(0..<n))
      block.diagonal.logits(Q.view, X: X.mutableView, into: A.mutableView.columns(n..<n + p))
      visit(A.mutableView, head, tokens)
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

extension HeadCache {
  /// Takes the tokens of a segment in, in pieces: the form says how long they are.
  mutating func take<Visitors: CacheVisitors<S>>(
    _ inputs: AttentionInputs<S>, segment index: Int, head: Int, form: AttentionForm, gates: [GateMap<S>],
    visitors: Visitors, scale: S, roundStored: ((S) -> S)?
  ) {
    let segment = inputs.segments[index]
    let group = inputs.shape.groupSize
    for piece in ranges(segment, by: form.pieceSize(segment.count)) {
      let tokens = Tokens(
        K: inputs.k.window(piece, head: head), V: inputs.v.window(piece, head: head),
        W: inputs.w.window(piece, head: head), β: inputs.beta.window(piece, head: head),
        queries: (Visitors.wantsLogits ? head * group..<(head + 1) * group : 0..<0).map { queryHead in
          let Q = inputs.q.window(piece, head: queryHead).copy()
          for r in 0..<Q.rows { for lane in 0..<Q.columns { Q.mutableView[r, lane] *= scale } }
          return (queryHead, Q)
        },
        visitors: visitors, place: CachePlace(sequence: index, tokens: piece, cached: keys.rows), gates: gates)
      switch form {
      case .sequentialProduct: takeOne(tokens, roundStored: roundStored)
      case .compactWY, .blockwise: takeTogether(tokens, roundStored: roundStored)
      }
    }
  }
}

extension AttentionForm {
  /// How many of `count` tokens a cache takes in at a time.
  fileprivate func pieceSize(_ count: Int) -> Int {
    switch self {
    case .sequentialProduct: 1
    case .compactWY: max(1, count)
    case .blockwise(let blockSize, _): blockSize
    }
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
