import LinearAlgebra

/// The blockwise, I/O-aware form: the segment is cut into blocks, each with its own compact-WY product
/// R_c = H_last … H_first, and the query is carried from block to block, right to left.
///
/// For query block b, with Q̃ = Q − X U (row t: q_t H_t … H_first) and K̂ = K − Zᵀ W (row t: H_last … H_{t+1} k_tᵀ):
///
///     A_bb = compact WY;   X ← Q̃_b;   for c = b−1 … 0:  A_bc = X K̂_cᵀ,  X ← X R_c
///
/// Logits exist one tile at a time. O(L² d (1 + d/B) + L B (B + d)) time for blocks of B rows; memory is O(L (d + B)).
struct Blockwise<S: Scalar>: LogitForm {
  let length: Int
  let blocks: [Block]

  /// What the key side of one block contributes to the queries after it.
  struct Block: Sendable {
    let range: Range<Int>
    let diagonal: CompactWY<S>
    /// U = T W
    let U: Matrix<S>
    /// Keys carried to the end of the block: K̂ = K − Zᵀ W
    let carriedKeys: Matrix<S>
    /// R = I − Wᵀ U = H_last … H_first
    let R: Matrix<S>

    init(_ range: Range<Int>, K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>) {
      self.range = range
      diagonal = CompactWY(K: K.rows(range), W: W.rows(range), β: β.rows(range))
      U = diagonal.transform.apply(to: diagonal.W)
      carriedKeys = diagonal.K.copy()
      subtractProduct(diagonal.Z.transposed, diagonal.W, from: carriedKeys)
      R = Matrix(rows: W.columns, columns: W.columns)
      for t in 0..<W.columns { R.mutableView[t, t] = .one }
      subtractProduct(diagonal.W.transposed, U, from: R)
    }

    /// Queries carried to the start of the block: Q̃ = Q − X U
    func carryQueries(_ Q: MatrixView<S>, X: Matrix<S>, into carried: MutableMatrixView<S>) {
      assign(Q, to: carried)
      subtractProduct(X, U, from: carried)
    }
  }

  init(K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, blockSize: Int) {
    length = K.rows
    blocks = stride(from: 0, to: K.rows, by: blockSize).map { start in
      Block(start..<min(start + blockSize, K.rows), K: K, W: W, β: β)
    }
  }

  func forward(_ Q: MatrixView<S>, _ visitor: some LogitVisitor<S>) {
    let tiles = TileScratch(blocks)
    for b in blocks.indices {
      let block = blocks[b]
      let Q = Q.rows(block.range)
      let X = block.diagonal.queryProjections(Q)
      let tile = tiles.tile(block, block)
      block.diagonal.logits(Q, X: X, into: tile)
      visitor.visit(tile, row: block.range.lowerBound, column: block.range.lowerBound)

      var carried = Matrix<S>(rows: Q.rows, columns: Q.columns)
      var next = Matrix<S>(rows: Q.rows, columns: Q.columns)
      block.carryQueries(Q, X: X, into: carried.mutableView)
      for c in (0..<b).reversed() {
        let key = blocks[c]
        let tile = tiles.tile(block, key)
        multiply(carried, key.carriedKeys.transposed, into: tile)
        visitor.visit(tile, row: block.range.lowerBound, column: key.range.lowerBound)
        guard c > 0 else { break }
        multiply(carried, key.R, into: next)
        swap(&carried, &next)
      }
    }
  }

  // MARK: Backward

  /// One entry per block; the cotangents of U, K̂ and R beside those of the diagonal tile.
  struct Cotangent {
    let diagonal: [CompactWY<S>.Cotangent]
    let dU: [Matrix<S>]
    let dCarriedKeys: [Matrix<S>]
    let dR: [Matrix<S>]
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(
      diagonal: blocks.map { $0.diagonal.zeroCotangent() },
      dU: blocks.map { Matrix(rows: $0.U.rows, columns: $0.U.columns) },
      dCarriedKeys: blocks.map { Matrix(rows: $0.U.rows, columns: $0.U.columns) },
      dR: blocks.map { Matrix(rows: $0.R.rows, columns: $0.R.columns) })
  }

  func backward(
    _ Q: MatrixView<S>, _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>, into cotangent: inout Cotangent
  ) {
    let tiles = TileScratch(blocks)
    for b in blocks.indices {
      let block = blocks[b]
      let Q = Q.rows(block.range)
      let dQ = dQ.rows(block.range)
      let X = block.diagonal.queryProjections(Q)
      let dX = Matrix<S>(rows: X.rows, columns: X.columns)

      // The diagonal tile.
      let tile = tiles.tile(block, block)
      block.diagonal.logits(Q, X: X, into: tile)
      visitor.visit(tile, row: block.range.lowerBound, column: block.range.lowerBound)
      block.diagonal.logitsBackward(Q, X: X, G: tile.view, dQ: dQ, dX: dX, into: cotangent.diagonal[b])

      // Q̃_b R_{b−1} … R_{c+1} for every c < b, in stacked rows. They are kept: R is singular when some β‖w‖² = 1, so the
      // carry cannot be undone.
      let carried = (0..<b).map { _ in Matrix<S>(rows: Q.rows, columns: Q.columns) }
      for c in (0..<b).reversed() {
        if c == b - 1 {
          block.carryQueries(Q, X: X, into: carried[c].mutableView)
        } else {
          multiply(carried[c + 1], blocks[c + 1].R, into: carried[c])
        }
      }

      // The cotangent of what is carried, left to right.
      var D = Matrix<S>(rows: Q.rows, columns: Q.columns)
      var next = Matrix<S>(rows: Q.rows, columns: Q.columns)
      for c in 0..<b {
        let key = blocks[c]
        if c > 0 {
          addProduct(carried[c].transposed, D, to: cotangent.dR[c])
          multiply(D, key.R.transposed, into: next)
          swap(&D, &next)
        }
        let G = tiles.tile(block, key)
        multiply(carried[c], key.carriedKeys.transposed, into: G)
        visitor.visit(G, row: block.range.lowerBound, column: key.range.lowerBound)
        addProduct(G.transposed, carried[c], to: cotangent.dCarriedKeys[c])
        addProduct(G, key.carriedKeys, to: D)
      }

      // Q̃ = Q − X U, and then X, to which the diagonal tile has already contributed.
      add(D, to: dQ)
      subtractProduct(D, block.U.transposed, from: dX)
      subtractProduct(X.transposed, D, from: cotangent.dU[b])
      block.diagonal.projectionsBackward(Q, dX: dX, dQ: dQ, dW: cotangent.diagonal[b].dW)
    }
  }

  func finish(_ cotangent: Cotangent, _ gradient: KeyGradient<S>) {
    for (b, block) in blocks.enumerated() {
      let gradient = KeyGradient(
        dK: gradient.dK.rows(block.range), dW: gradient.dW.rows(block.range), dβ: gradient.dβ.rows(block.range))
      let (W, U, Z) = (block.diagonal.W, block.U, block.diagonal.Z)
      let (dU, dZ) = (cotangent.dU[b], cotangent.diagonal[b].dZ)
      // K̂ = K − Zᵀ W
      let dK̂ = cotangent.dCarriedKeys[b]
      add(dK̂, to: gradient.dK)
      subtractProduct(W, dK̂.transposed, from: dZ)
      subtractProduct(Z, dK̂, from: gradient.dW)
      // R = I − Wᵀ U
      let dR = cotangent.dR[b]
      subtractProduct(W, dR, from: dU)
      subtractProduct(U, dR.transposed, from: gradient.dW)
      // U = T W and Z = T Y
      let transform = block.diagonal.transform
      let parameters = transform.zeroCotangent()
      add(transform.backward(dZ: dU, Z: U, Y: W, into: parameters), to: gradient.dW)
      block.diagonal.finish(cotangent.diagonal[b], gradient, parameters)
      transform.finish(parameters, dW: gradient.dW, dβ: gradient.dβ)
    }
  }

  /// Room for the one tile that exists at a time.
  private struct TileScratch {
    let memory: Matrix<S>

    init(_ blocks: [Block]) {
      let size = blocks.first?.range.count ?? 0
      memory = Matrix(rows: size, columns: size)
    }

    func tile(_ query: Block, _ key: Block) -> MutableMatrixView<S> {
      memory.mutableView.rows(0..<query.range.count).columns(0..<key.range.count)
    }
  }
}
