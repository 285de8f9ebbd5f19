import LinearAlgebra

/// What the cache holds of one sequence.
struct SequenceCache<S: Scalar>: Sendable {
  private(set) var heads: [HeadCache<S>]
  /// One for each query head, or none if there is no gate.
  private(set) var gates: [GateSums<S>]
  private(set) var length = 0

  init(_ layout: KeyCacheLayout) {
    heads = (0..<layout.heads).map { _ in HeadCache(keyDim: layout.keyDim, valueDim: layout.valueDim) }
    gates = (0..<(layout.gated ? layout.queryHeads : 0)).map { _ in GateSums() }
  }

  /// Takes the tokens of a segment in, in pieces: the form says how long they are.
  ///
  /// - Parameter visit: Given the unscaled logits of every query head, piece by piece. It may use them as scratch. Nil if
  ///   nobody wants them.
  mutating func take(
    _ inputs: AttentionInputs<S>, segment index: Int, form: AttentionForm, roundStored: ((S) -> S)?,
    visit: ((_ place: CacheTile<S>, _ tile: MutableMatrixView<S>) -> Void)?
  ) {
    let segment = inputs.segments[index]
    let groupSize = inputs.shape.groupSize
    for queryHead in gates.indices {
      for t in segment { gates[queryHead].append(inputs.g!.matrix[t, queryHead]) }
    }
    for piece in ranges(segment, by: form.pieceSize(segment.count)) {
      for head in heads.indices {
        let queryHeads = visit == nil ? 0..<0 : head * groupSize..<(head + 1) * groupSize
        let tokens = HeadCache.Tokens(
          K: inputs.k.window(piece, head: head), V: inputs.v.window(piece, head: head),
          W: inputs.w.window(piece, head: head), β: inputs.beta.window(piece, head: head),
          Q: queryHeads.map { inputs.q.window(piece, head: $0) })
        let visitHead: HeadCache<S>.Visitor = { [gates, length] query, tile, values in
          let queryHead = queryHeads.lowerBound + query
          let place = CacheTile(
            sequence: index, queryHead: queryHead, tokens: piece, cached: length, values: values,
            gate: gates.isEmpty ? nil : gates[queryHead])
          visit?(place, tile)
        }
        switch form {
        case .sequentialProduct: heads[head].takeOne(tokens, roundStored: roundStored, visit: visitHead)
        case .compactWY, .blockwise: heads[head].takeTogether(tokens, roundStored: roundStored, visit: visitHead)
        }
      }
      length += piece.count
    }
  }
}

/// Which logits a tile holds: those of some new tokens of one sequence with every key up to them.
struct CacheTile<S: Scalar> {
  let sequence: Int
  let queryHead: Int
  /// The tokens among the inputs.
  let tokens: Range<Int>
  /// How many tokens of the sequence come before them.
  let cached: Int
  /// The values of the sequence, old and new.
  let values: MatrixView<S>
  let gate: GateSums<S>?

  /// How many entries of row r lie on or left of the diagonal.
  func count(_ r: Int) -> Int { cached + r + 1 }

  /// From unscaled logits A to the logits: S_ij = scale · A_ij + gate_ij.
  func map(_ tile: MutableMatrixView<S>, _ function: AttentionFunction<S>) {
    for r in 0..<tile.rows {
      let row = UnsafeMutableBufferPointer(rebasing: tile.row(r)[..<count(r)])
      for j in 0..<row.count { row[j] *= function.scale }
      gate?.add(to: row, query: cached + r, factor: function.gateFactor)
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
