import LinearAlgebra

/// Several consecutive blocks folded into one: keys carried to the end of the superblock, and one R for all of it. Queries
/// after the superblock see it as a single block; the queries in it walk from block to block.
///
/// With S_c = R_last … R_{c+1}, the product of the blocks after block c: K̂ of its keys is K̂_c S_cᵀ, and R = S_0 R_0.
struct Superblock<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  /// The tokens, within the segment.
  let range: Range<Int>
  let blocks: [Block<S, Rounding>]
  /// S_c for every block but the last, for which it is I.
  let suffixes: [Matrix<S>]
  /// Keys carried to the end of the superblock.
  let carriedKeys: Matrix<S>
  /// H_last … H_first of the superblock.
  let R: Matrix<S>
  private let rounding: Rounding

  init(
    _ range: Range<Int>, blockSize: Int, K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, rounding: Rounding
  ) {
    self.range = range
    self.rounding = rounding
    blocks = ranges(range, by: blockSize).map { Block($0, K: K, W: W, β: β, rounding: rounding) }
    guard blocks.count > 1 else {
      (suffixes, carriedKeys, R) = ([], blocks[0].carriedKeys, blocks[0].R)
      return
    }
    // S_{c−1} = S_c R_c, from the last block to the first.
    var products = [blocks.last!.R]
    for block in blocks.dropLast().reversed() {
      let product = Matrix<S>(rows: W.columns, columns: W.columns)
      rounding.multiply(products.last!, .carryProduct, block.R, .carryProduct, into: product)
      products.append(product)
    }
    R = products.removeLast()
    suffixes = products.reversed()
    carriedKeys = Matrix(rows: range.count, columns: K.columns)
    for (block, S) in zip(blocks, suffixes) {
      rounding.multiply(
        block.carriedKeys, .adjustedKeys, S.transposed, .carryProduct,
        into: carriedKeys.mutableView.rows(local(block.range)))
    }
    let last = blocks.last!
    assign(last.carriedKeys, to: carriedKeys.mutableView.rows(local(last.range)))
  }

  /// Tokens of the segment, counted from the first one of the superblock.
  func local(_ tokens: Range<Int>) -> Range<Int> {
    tokens.lowerBound - range.lowerBound..<tokens.upperBound - range.lowerBound
  }

  /// Which of the queries lie in a block, and which after it.
  private func rows(_ queries: QueryRows<S>, _ block: Block<S, Rounding>) -> (own: Range<Int>, later: Range<Int>) {
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
        rounding.multiply(
          X.rows(later), .adjustedQueries, block.carriedKeys.transposed, .adjustedKeys, into: tile)
        visitor.visit(tile, rows: later, column: block.range.lowerBound)
        if isCarried { carry(X.rows(later), .carriedQueries, over: block.R.view, scratch) }
      }
      if !own.isEmpty {
        // X still has the queries themselves in these rows.
        let P = scratch.projections(own.count, block.range.count)
        block.diagonal.project(X.rows(own).view, tokens: block.local(queries.tokens[own]), into: P)
        let tile = scratch.tile(own.count, block.range.count)
        block.diagonal.logits(X.rows(own).view, X: P, into: tile)
        visitor.visit(tile, rows: own, column: block.range.lowerBound)
        if isCarried { adjust(X.rows(own), P, block) }
      }
    }
  }

  /// X ← X R
  private func carry(
    _ X: MutableMatrixView<S>, _ point: RoundingPoint, over R: MatrixView<S>, _ scratch: TileScratch<S>
  ) {
    let carried = scratch.rows(X.rows)
    rounding.multiply(X, point, R, .carryProduct, into: carried)
    assign(carried, to: X)
  }

  /// X ← X − P U, the queries of a block carried to its start.
  private func adjust(_ X: MutableMatrixView<S>, _ P: some ReadableMatrix<S>, _ block: Block<S, Rounding>) {
    rounding.subtractProduct(P, .blockProducts, block.U, .carryFactors, from: X)
  }

  // MARK: Backward

  struct Cotangent {
    let blocks: [Block<S, Rounding>.Cotangent]
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
        rounding.multiply(carried, .carriedQueries, block.R, .carryProduct, into: X.rows(later))
        adjust(X.rows(own), P, block)
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
        rounding.subtractProduct(D, .carriedCotangents, block.U.transposed, .carryFactors, from: dP)
        rounding.subtractProduct(P.transposed, .blockProducts, D, .carriedCotangents, from: cotangent.dU)
        block.diagonal.projectionBackward(Q, tokens: tokens, dX: dP, dQ: dQ, dW: cotangent.diagonal.dW)
      }
      if !later.isEmpty {
        let X = walk.carried[index]
        let D = D.rows(later)
        if block.range.lowerBound > 0 {
          rounding.addProduct(X.transposed, .carriedQueries, D, .carriedCotangents, to: cotangent.dR)
          carry(D, .carriedCotangents, over: block.R.transposed, scratch)
        }
        let G = scratch.tile(later.count, block.range.count)
        rounding.multiply(X, .adjustedQueries, block.carriedKeys.transposed, .adjustedKeys, into: G)
        visitor.visit(G, rows: later, column: block.range.lowerBound)
        rounding.addProduct(
          G.transposed, .logitCotangents, X, .adjustedQueries, to: cotangent.dCarriedKeys)
        rounding.addProduct(G, .logitCotangents, block.carriedKeys, .adjustedKeys, to: D)
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
        rounding.addProduct(S.transposed, .carryProduct, dS, .blockCotangents, to: cotangent.dR)
        rounding.addProduct(dK̂, .blockCotangents, S, .carryProduct, to: cotangent.dCarriedKeys)
        let next = Matrix<Element>(rows: dS.rows, columns: dS.columns)
        rounding.multiply(dS, .blockCotangents, block.R.transposed, .carryProduct, into: next)
        rounding.addProduct(dK̂.transposed, .blockCotangents, block.carriedKeys, .adjustedKeys, to: next)
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
