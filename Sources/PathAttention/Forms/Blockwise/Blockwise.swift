import LinearAlgebra
import Synchronization

/// The blockwise, I/O-aware form: the segment is cut into blocks, each with its own compact-WY product
/// R_c = H_last … H_first, and the query is carried from block to block, right to left.
///
/// For query block b, with Q̃ = Q − P U (row t: q_t H_t … H_first) and K̂ = K − Zᵀ W (row t: H_last … H_{t+1} k_tᵀ):
///
///     A_bb = compact WY;   X ← Q̃_b;   for c = b−1 … 0:  A_bc = X K̂_cᵀ,  X ← X R_c
///
/// So with no levels. With levels, neighbouring blocks are folded in pairs, and pairs again (`FoldedKeys`), and what lies
/// before a query is cut into the longest runs there are: block 7 meets blocks 6, 5–4 and 3–0. Then a query is carried about
/// log₂(L/B)/2 times, where it would be L/2B times, and the time is that of the tiles, as in attention without positions.
///
/// Logits exist one tile at a time: O(L² d) time, O(L (d + B)) memory for each level.
struct Blockwise<S: Scalar, Rounding: RoundingModel<S>>: LogitForm {
  let length: Int
  let blockSize: Int
  let blocks: [Block<S, Rounding>]
  let folded: FoldedKeys<S, Rounding>
  private let lanes: Int
  private let pieceLevel: Int
  private let scratch: ScratchPool<S>
  private let rounding: Rounding

  /// - Parameters:
  ///   - levels: How many times neighbours are folded.
  ///   - threads: How many threads may prepare the blocks; the result does not depend on it.
  init(
    K: MatrixView<S>, W: MatrixView<S>, β: MatrixView<S>, blockSize: Int, levels: Int, threads: Int,
    rounding: Rounding
  ) {
    length = K.rows
    self.blockSize = min(blockSize, max(1, K.rows))
    self.rounding = rounding
    lanes = K.columns
    let ranges = ranges(of: K.rows, by: self.blockSize)
    blocks = mapTasks(ranges.count, threads: threads) {
      Block(ranges[$0], K: K, W: W, β: β, rounding: rounding)
    }
    folded = FoldedKeys(blocks, levels: levels, threads: threads, rounding: rounding)
    pieceLevel = min(Self.largestPieceLevel, levels, folded.levels.count)
    scratch = ScratchPool(
      rows: min(K.rows, self.blockSize << pieceLevel), columns: max(self.blockSize, Self.tileColumns),
      blockSize: self.blockSize, lanes: lanes)
  }

  // MARK: The walk of a piece

  /// A piece is a run of at most 2² blocks: enough rows for an efficient product, few enough for a tile to stay in cache.
  private static var largestPieceLevel: Int { 2 }

  var pieces: [Range<Int>] { ranges(of: length, by: blockSize << pieceLevel) }

  /// Whether a segment is one piece.
  static func hasSinglePiece(length: Int, blockSize: Int, levels: Int) -> Bool {
    let (size, overflow) = blockSize.multipliedReportingOverflow(by: 1 << min(levels, largestPieceLevel))
    return overflow || length <= size
  }

  /// How many columns of a run are visited at once: a tile should stay in the second-level cache beside another one.
  private static var tileColumns: Int { 256 }

  /// Queries in some rows, carried to the end of a run, meet its keys and are then carried to its start.
  private struct Step {
    let rows: Range<Int>
    let run: FoldedKeys<S, Rounding>.Index
    /// Nothing lies before the run that starts the segment.
    let isLast: Bool
  }

  /// The steps of queries of one piece that have been carried to the start of their blocks, right to left.
  private func steps(_ queries: QueryRows<S>) -> [Step] {
    var steps: [Step] = []
    func append(_ rows: Range<Int>, level: Int, position: Int) {
      guard !rows.isEmpty else { return }
      steps.append(Step(rows: rows, run: FoldedKeys.Index(level: level, position: position), isLast: position == 0))
    }
    let piece = queries.tokens[0] / (blockSize << pieceLevel)
    // Within the piece: from the start of every right sibling to that of the left one.
    for level in 0..<pieceLevel {
      let size = blockSize << level
      for right in stride(from: (piece << (pieceLevel - level)) + 1, to: (piece + 1) << (pieceLevel - level), by: 2) {
        append(queries.positions(in: right * size..<(right + 1) * size), level: level, position: right - 1)
      }
    }
    // Before the piece: by the longest runs.
    var end = piece << pieceLevel
    while end > 0 {
      let level = min(end.trailingZeroBitCount, folded.levels.count - 1)
      append(0..<queries.tokens.count, level: level, position: (end >> level) - 1)
      end -= 1 << level
    }
    return steps
  }

  /// The blocks that have queries, with the rows of these.
  private func ownBlocks(_ queries: QueryRows<S>) -> [(block: Int, rows: Range<Int>)] {
    let first = queries.tokens[0] / blockSize
    return (first...queries.tokens.last! / blockSize).compactMap { block in
      let rows = queries.positions(in: blocks[block].range)
      return rows.isEmpty ? nil : (block, rows)
    }
  }

  /// The tokens of a block, counted from its first one.
  private func local(_ tokens: ArraySlice<Int>, _ block: Block<S, Rounding>) -> ArraySlice<Int> {
    tokens.map { $0 - block.range.lowerBound }[...]
  }

  // MARK: Forward

  func forward(_ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>) {
    let scratch = scratch.take()
    defer { self.scratch.giveBack(scratch) }
    // Rows of it are carried further and further.
    let X = queries.Q.copy().mutableView
    for (b, rows) in ownBlocks(queries) {
      let (block, Q) = (blocks[b], queries.Q.rows(rows))
      let P = scratch.projections(rows.count, block.range.count)
      block.diagonal.project(Q, tokens: local(queries.tokens[rows], block), into: P)
      let tile = scratch.tile(rows.count, block.range.count)
      block.diagonal.logits(Q, X: P, into: tile)
      visitor.visit(tile, rows: rows, column: block.range.lowerBound)
      if b > 0 { rounding.subtractProduct(P, .blockProducts, block.U, .carryFactors, from: X.rows(rows)) }
    }
    for step in steps(queries) {
      let (run, X) = (folded[step.run], X.rows(step.rows))
      for columns in ranges(of: run.range.count, by: Self.tileColumns) {
        let tile = scratch.tile(step.rows.count, columns.count)
        rounding.multiply(
          X, .X, run.K̂.rows(columns).transposed, .K̂, into: tile)
        visitor.visit(tile, rows: step.rows, column: run.range.lowerBound + columns.lowerBound)
      }
      if !step.isLast { carry(X, .carriedX, over: run.R.view, scratch) }
    }
  }

  /// X ← X R
  private func carry(
    _ X: MutableMatrixView<S>, _ point: RoundingPoint, over R: MatrixView<S>, _ scratch: TileScratch<S>
  ) {
    let carried = scratch.rows(X.rows)
    rounding.multiply(X, point, R, .R, into: carried)
    assign(carried, to: X)
  }

  // MARK: Backward

  /// Only what the queries so far have met is there: the blocks of a piece belong to the queries of that piece, and a run
  /// within a piece is met by no others.
  struct Cotangent {
    var blocks: [Int: Block<S, Rounding>.Cotangent] = [:]
    var runs: [FoldedKeys<S, Rounding>.Index: FoldedKeys<S, Rounding>.Cotangent] = [:]
  }

  func zeroCotangent() -> Cotangent { Cotangent() }

  func backward(
    _ queries: QueryRows<S>, _ visitor: some LogitVisitor<S>, dQ: MutableMatrixView<S>,
    into cotangent: inout Cotangent
  ) {
    let scratch = scratch.take()
    defer { self.scratch.giveBack(scratch) }
    let own = ownBlocks(queries)
    let steps = steps(queries)

    // Right to left. The queries at the end of every run are kept: R is singular when some β‖w‖² = 1, so the carry cannot
    // be undone.
    let X = queries.Q.copy().mutableView
    var projections: [Matrix<S>] = []
    for (b, rows) in own {
      let block = blocks[b]
      let P = Matrix<S>(rows: rows.count, columns: block.range.count)
      block.diagonal.project(
        queries.Q.rows(rows), tokens: local(queries.tokens[rows], block), into: P.mutableView)
      projections.append(P)
      if b > 0 { rounding.subtractProduct(P, .blockProducts, block.U, .carryFactors, from: X.rows(rows)) }
    }
    rounding.round(X, .Q̃)
    var carried: [Matrix<S>] = []
    for step in steps {
      let X = X.rows(step.rows)
      let kept = X.copy()
      carried.append(kept)
      if !step.isLast { rounding.multiply(kept, .carriedX, folded[step.run].R, .R, into: X) }
    }

    // Left to right: D, the cotangent of what is carried.
    let D = Matrix<S>(rows: queries.tokens.count, columns: lanes).mutableView
    for (step, X) in zip(steps, carried).reversed() {
      let (run, D) = (folded[step.run], D.rows(step.rows))
      let runCotangent = cotangent.runs[step.run] ?? FoldedKeys.Cotangent(run)
      cotangent.runs[step.run] = runCotangent
      if !step.isLast {
        rounding.addProduct(X.transposed, .carriedX, D, .carriedCotangents, to: runCotangent.dR)
        carry(D, .carriedCotangents, over: run.R.transposed, scratch)
      }
      for columns in ranges(of: run.range.count, by: Self.tileColumns) {
        let K̂ = run.K̂.rows(columns)
        let G = scratch.tile(step.rows.count, columns.count)
        rounding.multiply(X, .X, K̂.transposed, .K̂, into: G)
        visitor.visit(G, rows: step.rows, column: run.range.lowerBound + columns.lowerBound)
        let dK̂ = runCotangent.dK̂.mutableView.rows(columns)
        rounding.addProduct(G.transposed, .logitCotangents, X, .X, to: dK̂)
        rounding.addProduct(G, .logitCotangents, K̂, .K̂, to: D)
      }
    }

    // The diagonal tiles, and Q̃ = Q − P U.
    for ((b, rows), P) in zip(own, projections) {
      let block = blocks[b]
      let blockCotangent = cotangent.blocks[b] ?? block.zeroCotangent()
      cotangent.blocks[b] = blockCotangent
      let (Q, D, dQ) = (queries.Q.rows(rows), D.rows(rows), dQ.rows(rows))
      let G = scratch.tile(rows.count, block.range.count)
      block.diagonal.logits(Q, X: P.mutableView, into: G)
      visitor.visit(G, rows: rows, column: block.range.lowerBound)
      let dP = scratch.projections(rows.count, block.range.count)
      fill(dP, with: .zero)
      block.diagonal.logitsBackward(
        Q, X: P.mutableView, G: G.view, dQ: dQ, dX: dP, into: blockCotangent.diagonal)
      if b > 0 {
        add(D, to: dQ)
        rounding.subtractProduct(D, .carriedCotangents, block.U.transposed, .carryFactors, from: dP)
        rounding.subtractProduct(
          P.transposed, .blockProducts, D, .carriedCotangents, from: blockCotangent.dU)
      }
      block.diagonal.projectionBackward(
        Q, tokens: local(queries.tokens[rows], block), dX: dP, dQ: dQ, dW: blockCotangent.diagonal.dW)
    }
  }

  func finish(_ cotangents: [Cotangent], _ gradient: KeyGradient<S>, threads: Int) {
    let runs = folded.unfold(cotangents.map(\.runs), threads: threads)
    let own = blocks.indices.map { b in cotangents.lazy.compactMap { $0.blocks[b] }.first }
    performTasks(blocks.count, threads: threads) { b in
      blocks[b].finish(
        own[b] ?? blocks[b].zeroCotangent(), b < runs.count ? runs[b] : nil, gradient.tokens(blocks[b].range))
    }
  }
}

/// Memory for the one tile that exists at a time on each thread, and what belongs to it. Walks hand it on to each other: to
/// clear it anew for each piece would cost as much as many a piece.
private final class ScratchPool<S: Scalar>: Sendable {
  private let free = Mutex<[TileScratch<S>]>([])
  private let make: @Sendable () -> TileScratch<S>

  /// - Parameters:
  ///   - rows: The most query rows of a tile.
  ///   - columns: The most columns of a tile.
  ///   - blockSize: The most rows and columns of projections.
  ///   - lanes: d.
  init(rows: Int, columns: Int, blockSize: Int, lanes: Int) {
    make = {
      TileScratch(
        tiles: Matrix(rows: 1, columns: rows * columns), projections: Matrix(rows: 1, columns: blockSize * blockSize),
        rows: Matrix(rows: rows, columns: lanes))
    }
  }

  func take() -> TileScratch<S> { free.withLock { $0.popLast() } ?? make() }

  func giveBack(_ scratch: TileScratch<S>) { free.withLock { $0.append(scratch) } }
}

private struct TileScratch<S: Scalar>: Sendable {
  let tiles: Matrix<S>
  let projections: Matrix<S>
  let rows: Matrix<S>

  func tile(_ rows: Int, _ columns: Int) -> MutableMatrixView<S> { tiles.mutableView.reshaped(rows, columns) }

  func projections(_ rows: Int, _ columns: Int) -> MutableMatrixView<S> {
    projections.mutableView.reshaped(rows, columns)
  }

  func rows(_ count: Int) -> MutableMatrixView<S> { rows.mutableView.rows(0..<count) }
}
