import PathAttention
import Problems

/// Some query rows of a problem that is too long to be computed whole.
///
/// Where mistakes live is sampled first: the ends of segments, whole tiles, and the rows at and beside the edges of blocks; the
/// rest is drawn at random. A fault in a fraction f of all rows is missed by n random ones with probability (1 − f)ⁿ.
package struct RowSample {
  /// The tokens, over the whole batch, ascending.
  package let tokens: [Int]

  /// Rows per tile, the smallest that kernels work in.
  package static let tileSize = 16

  /// About `count` tokens: a quarter at ends of segments, a quarter at edges of blocks of 64, the rest anywhere; and the last
  /// tile of the last segment, and for every 64 tokens one more of any, which come on top.
  package init(_ count: Int, of inputs: AttentionInputs<Double>, seed: UInt64 = 1) {
    var random = SeededGenerator(seed: seed, part: "rows")
    let segments = inputs.segments.filter { !$0.isEmpty }
    var chosen = Set<Int>()
    // The first and the last segment, then any.
    let order = [segments.first, segments.last].compactMap { $0 } + segments.shuffled(using: &random)
    for segment in order where chosen.count < max(2, count / 4) {
      chosen.formUnion([segment.lowerBound, segment.upperBound - 1])
    }
    let edges = segments.flatMap { segment in
      stride(from: segment.lowerBound + 64, to: segment.upperBound, by: 64)
    }
    let target = min(chosen.count + max(3, count / 4), inputs.shape.tokens)
    for edge in edges.shuffled(using: &random) where chosen.count < target {
      chosen.formUnion([edge - 1, edge, edge + 1].filter { $0 < inputs.shape.tokens })
    }
    while chosen.count < min(count, inputs.shape.tokens) {
      chosen.insert(Int.random(in: 0..<inputs.shape.tokens, using: &random))
    }
    let tiles = segments.flatMap { segment in
      stride(from: segment.lowerBound, to: segment.upperBound, by: Self.tileSize).map {
        $0..<min($0 + Self.tileSize, segment.upperBound)
      }
    }
    for tile in tiles.suffix(1) + tiles.dropLast().shuffled(using: &random).prefix(count / 64) {
      chosen.formUnion(tile)
    }
    tokens = chosen.sorted()
  }
}

extension Submission {
  /// The submission reduced to some query rows.
  ///
  /// Of o and lse the other rows count as zero on both sides. Gradients of k, v, w, β and g are sums over all rows that have
  /// a cotangent: they are judged if those are few, and then belong to the sample; otherwise only dq is, row by row.
  package func sampled(rows count: Int) -> Submission {
    var tokens = Set(RowSample(count, of: inputs).tokens)
    let width = inputs.shape.queryHeads * inputs.shape.valueDim
    var note =
      "judged on \(tokens.count) of \(inputs.shape.tokens) query rows: ends, edges of blocks, some whole tiles, the rest at random"
    var cotangent = outputCotangent
    var judgesSums = false
    if let outputCotangent {
      let driving = (0..<inputs.shape.tokens).filter { token in
        outputCotangent[token * width..<(token + 1) * width].contains { $0 != 0 }
      }
      judgesSums = driving.count <= 4 * count
      if judgesSums {
        tokens.formUnion(driving)
        note += "; \(driving.count) rows have a cotangent, so all gradients are judged"
      } else {
        cotangent = zeroed(outputCotangent, of: .do, outside: tokens)
        note += "; of the gradients only dq, because do is not zero in the other rows"
      }
    }
    let judged = candidates.filter { judgesSums || !$0.tensor.isGradient || $0.tensor == .dq }.map { candidate in
      guard [.o, .lse].contains(candidate.tensor) || !judgesSums else { return candidate }
      return Candidate(
        tensor: candidate.tensor, elementType: candidate.elementType,
        entries: zeroed(candidate.entries, of: candidate.tensor, outside: tokens))
    }
    return Submission(
      name: name, inputs: inputs, scale: scale, gate: gate, outputCotangent: cotangent, candidates: judged,
      stages: stages, blockSize: blockSize, activation: activation, notes: notes + [note],
      queryTokens: tokens.sorted(),
      sampledTensors: judgesSums ? [.o, .lse] : [.o, .lse, .dq])
  }

  private func zeroed(_ entries: [Double], of tensor: AttentionTensor, outside tokens: Set<Int>) -> [Double] {
    inputs.shape.zeroed(entries, of: tensor, outside: tokens)
  }
}
