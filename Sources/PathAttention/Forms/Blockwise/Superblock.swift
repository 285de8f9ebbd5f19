import LinearAlgebra

/// Several consecutive blocks folded into one: keys carried to the end of the superblock, and one R for all of it. Queries
/// after the superblock see it as a single block; the queries in it walk from block to block.
///
/// With S_c = R_last … R_{c+1}, the product of the blocks after block c: K̂ of its keys is K̂_c S_cᵀ, and R = S_0 R_0.
struct Superblock<S: Scalar>: Sendable {
  /// The tokens, within the segment.
  let range: Range<Int>
  let blocks: [Block<S>]
  /// S_c for every block but the last, for which it is I.
  let suffixes: [Matrix<S>]
  /// Keys carried to the end of the superblock.
  let carriedKeys: Matrix<S>
  /// H_last … H_first of the superblock.
  let R: Matrix<S>

  init(_ range: Range<Int>, blockSize: Int, K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>) {
    self.range = range
    blocks = ranges(range, by: blockSize).map { Block($0, K: K, W: W, β: β) }
    guard blocks.count > 1 else {
      (suffixes, carriedKeys, R) = ([], blocks[0].carriedKeys, blocks[0].R)
      return
    }
    // S_{c−1} = S_c R_c, from the last block to the first.
    var products = [blocks.last!.R]
    for block in blocks.dropLast().reversed() {
      let product = Matrix<S>(rows: W.columns, columns: W.columns)
      multiply(products.last!, block.R, into: product)
      products.append(product)
    }
    R = products.removeLast()
    suffixes = products.reversed()
    carriedKeys = Matrix(rows: range.count, columns: K.columns)
    for (block, S) in zip(blocks, suffixes) {
      multiply(block.carriedKeys, S.transposed, into: carriedKeys.mutableView.rows(local(block.range)))
    }
    let last = blocks.last!
    assign(last.carriedKeys, to: carriedKeys.mutableView.rows(local(last.range)))
  }

  /// Tokens of the segment, counted from the first one of the superblock.
  func local(_ tokens: Range<Int>) -> Range<Int> {
    tokens.lowerBound - range.lowerBound..<tokens.upperBound - range.lowerBound
  }

  /// Which of the queries lie in a block, and which after it.
  private func rows(_ queries: QueryRows<S>, _ block: Block<S>) -> (own: Range<Int>, later: Range<Int>) {
    let own = queries.positions(in: block.range)
    return (own, own.upperBound..<queries.tokens.count)
  }

  // MARK: Forward

  /// Visits the tiles of the superblock's own queries with its own keys, from the last block to the first.
  ///
  /// - Parameter X: On return, if there are keys before the superblock: the queries carried to its start.
  func forward(
    _ queries: QueryRows<S>, carrying X: MutableMatrixView<S>, _ scratch: TileScratch<S>,
    _ visitor: some LogitVisitor<S>
  ) {
    assign(queries.Q, to: X)
    for block in blocks.reversed() {
      let (own, later) = rows(queries, block)
      let isCarried = block.range.lowerBound > 0
      if !later.isEmpty {
        let tile = scratch.tile(later.count, block.range.count)
        multiply(X.rows(later), block.carriedKeys.transposed, into: tile)
        visitor.visit(tile, rows: later, column: block.range.lowerBound)
        if isCarried { carry(X.rows(later), over: block.R.view, scratch) }
      }
      if !own.isEmpty {
        // X still has the queries themselves in these rows.
        let P = scratch.projections(own.count, block.range.count)
        block.diagonal.project(X.rows(own).view, tokens: block.local(queries.tokens[own]), into: P)
        let tile = scratch.tile(own.count, block.range.count)
        block.diagonal.logits(X.rows(own).view, X: P, into: tile)
        visitor.visit(tile, rows: own, column: block.range.lowerBound)
        if isCarried { subtractProduct(P, block.U, from: X.rows(own)) }
      }
    }
  }

  /// X ← X R
  private func carry(_ X: MutableMatrixView<S>, over R: MatrixView<S>, _ scratch: TileScratch<S>) {
    let carried = scratch.rows(X.rows)
    multiply(X, R, into: carried)
    assign(carried, to: X)
  }

  // MARK: Backward

  struct Cotangent {
    let blocks: [Block<S>.Cotangent]
  }

  func zeroCotangent() -> Cotangent { Cotangent(blocks: blocks.map { $0.zeroCotangent() }) }

  /// What the backward pass has to remember of the walk over the superblock.
  struct Walk {
    /// For every block the queries after it, carried to its end. They are kept: R is singular when some β‖w‖² = 1, so the
    /// carry cannot be undone.
    var carried: [Matrix<S>] = []
    /// For every block the projections P of its own queries.
    var projections: [Matrix<S>] = []
  }

  /// Carries the queries to the start of the superblock, as `forward` does, without visiting tiles.
  func carry(_ queries: QueryRows<S>, into X: MutableMatrixView<S>, _ scratch: TileScratch<S>) -> Walk {
    assign(queries.Q, to: X)
    var walk = Walk()
    for block in blocks.reversed() {
      let (own, later) = rows(queries, block)
      let carried = X.rows(later).copy()
      let P = Matrix<S>(rows: own.count, columns: block.range.count)
      block.diagonal.project(X.rows(own).view, tokens: block.local(queries.tokens[own]), into: P.mutableView)
      if block.range.lowerBound > 0 {
        multiply(carried, block.R, into: X.rows(later))
        subtractProduct(P, block.U, from: X.rows(own))
      }
      walk.carried.append(carried)
      walk.projections.append(P)
    }
    walk.carried.reverse()
    walk.projections.reverse()
    return walk
  }

  /// Visits the tiles again and takes their cotangents, from the first block to the last.
  ///
  /// - Parameter D: The cotangent of the queries carried to the start of the superblock; scratch afterwards.
  func backward(
    _ queries: QueryRows<S>, _ walk: Walk, carriedCotangent D: MutableMatrixView<S>, _ scratch: TileScratch<S>,
    _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>, into cotangent: Cotangent
  ) {
    for (index, block) in blocks.enumerated() {
      let cotangent = cotangent.blocks[index]
      let (own, later) = rows(queries, block)
      if !own.isEmpty {
        let (Q, D, dQ) = (queries.Q.rows(own), D.rows(own), dQ.rows(own))
        let tokens = block.local(queries.tokens[own])
        let P = walk.projections[index].mutableView
        let G = scratch.tile(own.count, block.range.count)
        block.diagonal.logits(Q, X: P, into: G)
        visitor.visit(G, rows: own, column: block.range.lowerBound)
        let dP = scratch.projections(own.count, block.range.count)
        fill(dP, with: .zero)
        block.diagonal.logitsBackward(Q, X: P, G: G.view, dQ: dQ, dX: dP, into: cotangent.diagonal)
        // Q̃ = Q − P U
        add(D, to: dQ)
        subtractProduct(D, block.U.transposed, from: dP)
        subtractProduct(P.transposed, D, from: cotangent.dU)
        block.diagonal.projectionBackward(Q, tokens: tokens, dX: dP, dQ: dQ, dW: cotangent.diagonal.dW)
      }
      if !later.isEmpty {
        let X = walk.carried[index]
        let D = D.rows(later)
        if block.range.lowerBound > 0 {
          addProduct(X.transposed, D, to: cotangent.dR)
          carry(D, over: block.R.transposed, scratch)
        }
        let G = scratch.tile(later.count, block.range.count)
        multiply(X, block.carriedKeys.transposed, into: G)
        visitor.visit(G, rows: later, column: block.range.lowerBound)
        addProduct(G.transposed, X, to: cotangent.dCarriedKeys)
        addProduct(G, block.carriedKeys, to: D)
      }
    }
  }

  /// Adds what was collected, and what the queries after the superblock had to say of its K̂ and R, to the gradients of its
  /// keys, w and β.
  func finish(
    _ cotangent: Cotangent, dCarriedKeys: MatrixView<S>, dR: MatrixView<S>, _ gradient: KeyGradient<S>
  ) {
    // dS is the cotangent of S_{c−1} = S_c R_c.
    var dS = dR
    for (index, block) in blocks.enumerated() {
      let cotangent = cotangent.blocks[index]
      let dK̂ = dCarriedKeys.rows(local(block.range))
      if index < suffixes.count {
        let S = suffixes[index]
        addProduct(S.transposed, dS, to: cotangent.dR)
        addProduct(dK̂, S, to: cotangent.dCarriedKeys)
        let next = Matrix<Element>(rows: dS.rows, columns: dS.columns)
        multiply(dS, block.R.transposed, into: next)
        addProduct(dK̂.transposed, block.carriedKeys, to: next)
        dS = next.view
      } else {
        add(dS, to: cotangent.dR)
        add(dK̂, to: cotangent.dCarriedKeys)
      }
      block.finish(cotangent, gradient.tokens(local(block.range)))
    }
  }

  private typealias Element = S
}

/// Memory for the one tile that exists at a time, and what belongs to it.
struct TileScratch<S: Scalar> {
  private let tiles: Matrix<S>
  private let projections: Matrix<S>
  private let rows: Matrix<S>

  /// - Parameters:
  ///   - rows: The most query rows of a tile.
  ///   - columns: The most columns of a tile.
  ///   - blockSize: The most columns of projections.
  ///   - lanes: d.
  init(rows: Int, columns: Int, blockSize: Int, lanes: Int) {
    tiles = Matrix(rows: 1, columns: rows * columns)
    projections = Matrix(rows: 1, columns: rows * blockSize)
    self.rows = Matrix(rows: rows, columns: lanes)
  }

  func tile(_ rows: Int, _ columns: Int) -> MutableMatrixView<S> { tiles.mutableView.reshaped(rows, columns) }

  func projections(_ rows: Int, _ columns: Int) -> MutableMatrixView<S> {
    projections.mutableView.reshaped(rows, columns)
  }

  func rows(_ count: Int) -> MutableMatrixView<S> { rows.mutableView.rows(0..<count) }
}
