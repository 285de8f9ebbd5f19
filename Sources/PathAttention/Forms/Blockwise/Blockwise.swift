import LinearAlgebra

/// The blockwise, I/O-aware form: the segment is cut into blocks, each with its own compact-WY product
/// R_c = H_last … H_first, and the query is carried from block to block, right to left.
///
/// For query block b, with Q̃ = Q − P U (row t: q_t H_t … H_first) and K̂ = K − Zᵀ W (row t: H_last … H_{t+1} k_tᵀ):
///
///     A_bb = compact WY;   X ← Q̃_b;   for c = b−1 … 0:  A_bc = X K̂_cᵀ,  X ← X R_c
///
/// Blocks are folded into superblocks, between which the same holds, so that the carry X ← X R is paid once for all
/// the columns of a superblock. A superblock of queries is one piece.
///
/// Logits exist one tile at a time. For superblocks of N rows, O(L² d (1 + d/N) + L N d) time and O(L (d + B)) memory.
struct Blockwise<S: Scalar, Rounding: RoundingModel<S>>: LogitForm {
  let superblocks: [Superblock<S, Rounding>]
  private let blockSize: Int
  private let lanes: Int
  private let rounding: Rounding

  /// - Parameter threads: How many threads may prepare the blocks; the result does not depend on it.
  init(
    K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, blockSize: Int, blocksPerSuperblock: Int, threads: Int,
    rounding: Rounding
  ) {
    self.rounding = rounding
    self.blockSize = min(blockSize, K.rows)
    lanes = K.columns
    let ranges = ranges(
      of: K.rows, by: Self.pieceSize(blockSize: blockSize, blocksPerSuperblock: blocksPerSuperblock))
    superblocks = mapTasks(ranges.count, threads: threads) {
      Superblock(ranges[$0], blockSize: blockSize, K: K, W: W, β: β, rounding: rounding)
    }
  }

  /// The rows of a superblock, or as many as there can be.
  static func pieceSize(blockSize: Int, blocksPerSuperblock: Int) -> Int {
    let (size, overflow) = blockSize.multipliedReportingOverflow(by: blocksPerSuperblock)
    return overflow ? .max : size
  }

  var pieces: [Range<Int>] { superblocks.map(\.range) }

  /// How many columns of a superblock are visited at once: a tile should stay in the second-level cache beside another one.
  private var tileColumns: Int { max(blockSize, 128) }

  private func scratch() -> TileScratch<S> {
    TileScratch(
      rows: superblocks.first?.range.count ?? 0, columns: tileColumns, blockSize: blockSize, lanes: lanes)
  }

  private func piece(of queries: QueryRows<S>) -> Int { queries.tokens[0] / superblocks[0].range.count }

  func forward(_ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>) {
    let scratch = scratch()
    let b = piece(of: queries)
    var X = Matrix<S>(rows: queries.tokens.count, columns: lanes)
    var next = Matrix<S>(rows: queries.tokens.count, columns: lanes)
    superblocks[b].forward(queries, carrying: X.mutableView, scratch, visitor)
    for c in (0..<b).reversed() {
      let key = superblocks[c]
      for columns in ranges(of: key.range.count, by: tileColumns) {
        let tile = scratch.tile(X.rows, columns.count)
        rounding.multiply(
          X, .adjustedQueries, key.carriedKeys.view.rows(columns).transposed, .adjustedKeys, into: tile)
        visitor.visit(tile, rows: 0..<X.rows, column: key.range.lowerBound + columns.lowerBound)
      }
      guard c > 0 else { break }
      rounding.multiply(X, .carriedQueries, key.R, .carryProduct, into: next)
      swap(&X, &next)
    }
  }

  // MARK: Backward

  /// What later queries contribute to a superblock's K̂ and R, and what its own queries contribute to its blocks.
  struct Cotangent {
    let dCarriedKeys: Matrix<S>
    let dR: [Matrix<S>]
    /// For the superblocks whose own queries have been here.
    var own: [Superblock<S, Rounding>.Cotangent?]
  }

  func zeroCotangent() -> Cotangent {
    Cotangent(
      dCarriedKeys: Matrix(rows: superblocks.last?.range.upperBound ?? 0, columns: lanes),
      dR: superblocks.map { _ in Matrix(rows: lanes, columns: lanes) }, own: superblocks.map { _ in nil })
  }

  func backward(
    _ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>,
    into cotangent: inout Cotangent
  ) {
    let scratch = scratch()
    let b = piece(of: queries)
    let count = queries.tokens.count

    // Right to left: the queries at the end of every superblock before their own.
    let start = Matrix<S>(rows: count, columns: lanes)
    let walk = superblocks[b].carry(queries, into: start.mutableView, scratch)
    rounding.round(start.mutableView, .recomputedQueries)
    var carried = [start]
    for c in (1..<max(1, b)).reversed() {
      let next = Matrix<S>(rows: count, columns: lanes)
      rounding.multiply(carried.last!, .carriedQueries, superblocks[c].R, .carryProduct, into: next)
      carried.append(next)
    }

    // Left to right: the cotangent of what is carried.
    var D = Matrix<S>(rows: count, columns: lanes)
    var next = Matrix<S>(rows: count, columns: lanes)
    for c in 0..<b {
      let key = superblocks[c]
      let X = carried[b - 1 - c]
      if c > 0 {
        rounding.addProduct(X.transposed, .carriedQueries, D, .carriedCotangents, to: cotangent.dR[c])
        rounding.multiply(D, .carriedCotangents, key.R.transposed, .carryProduct, into: next)
        swap(&D, &next)
      }
      let dK̂ = cotangent.dCarriedKeys.mutableView.rows(key.range)
      for columns in ranges(of: key.range.count, by: tileColumns) {
        let K̂ = key.carriedKeys.view.rows(columns)
        let G = scratch.tile(count, columns.count)
        rounding.multiply(X, .adjustedQueries, K̂.transposed, .adjustedKeys, into: G)
        visitor.visit(G, rows: 0..<count, column: key.range.lowerBound + columns.lowerBound)
        rounding.addProduct(G.transposed, .logitCotangents, X, .adjustedQueries, to: dK̂.rows(columns))
        rounding.addProduct(G, .logitCotangents, K̂, .adjustedKeys, to: D)
      }
    }

    let own = cotangent.own[b] ?? superblocks[b].zeroCotangent()
    cotangent.own[b] = own
    superblocks[b].backward(
      queries, walk, carriedCotangent: D.mutableView, scratch, visitor, dQ: dQ, into: own)
  }

  func finish(_ cotangents: [Cotangent], _ gradient: KeyGradient<S>, threads: Int) {
    performTasks(superblocks.count, threads: threads) { b in
      let superblock = superblocks[b]
      let dK̂ = Matrix<S>(rows: superblock.range.count, columns: lanes)
      let dR = Matrix<S>(rows: lanes, columns: lanes)
      for cotangent in cotangents {
        add(cotangent.dCarriedKeys.view.rows(superblock.range), to: dK̂)
        add(cotangent.dR[b], to: dR)
      }
      let own = cotangents.lazy.compactMap { $0.own[b] }.first ?? superblock.zeroCotangent()
      superblock.finish(own, dCarriedKeys: dK̂.view, dR: dR.view, gradient.tokens(superblock.range))
    }
  }
}
