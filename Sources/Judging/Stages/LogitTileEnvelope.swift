import PathAttention
import Problems

/// The logits that a case should have, and how large an honest error is in the part of every row that lies in a tile.
package struct LogitTileEnvelope {
  /// Whether there are few enough logits, B · T² · HQ, to be drawn.
  package static func isDrawable(_ shape: AttentionShape) -> Bool {
    shape.tokens * shape.length * shape.queryHeads <= 1 << 24
  }

  private let shape: AttentionShape
  private let tileSize: Int
  private let layout: RowLayout
  private let reference: [Double]
  private let envelope: TensorEnvelope

  /// Runs the logits with rounding.
  ///
  /// - Parameters:
  ///   - attentionCase: The problem.
  ///   - blockSize: Rows per block; tiles are blocks, or parts of blocks if there would be fewer than eight.
  ///   - other: Whose profile, number of runs and seed are taken.
  package init(
    _ attentionCase: AttentionCase, blockSize: Int, like other: Envelope
  ) throws(AttentionError) {
    let inputs = attentionCase.inputs
    let shape = inputs.shape
    self.shape = shape
    let largest = max(1, shape.length / 8)
    let tileSize = (1...blockSize).last { blockSize % $0 == 0 && $0 <= largest }!
    self.tileSize = tileSize
    let tiles = (shape.length + tileSize - 1) / tileSize
    layout = RowLayout(inputs, heads: shape.queryHeads * tiles, lanes: tileSize)
    let reference = Self.cut(
      try StageValues([.logits], attentionCase, blockSize: blockSize, rounding: nil)[.logits], shape, tileSize)
    let rows = TokenRows(layout, reference: reference)
    var errors: [[Double]] = []
    for rounding in other.stageRoundings {
      let run = try StageValues([.logits], attentionCase, blockSize: blockSize, rounding: rounding)[.logits]
      errors.append(rows.norms(of: Self.cut(run, shape, tileSize), minus: reference))
    }
    self.reference = reference
    let stored = other.profile.format(at: .accumulators, activation: other.activation)
    envelope = other.stage(rows, runs: errors, reference: reference, stored)
  }

  /// Logits in the layout of `Stage.logits`, held against the envelope.
  package func tiles(_ logits: [Double], variant: String?, note: String?) -> LogitTiles {
    let cut = Self.cut(logits, shape, tileSize)
    let rows = envelope.comparison(of: cut, against: reference).rows
    let tiles = layout.heads / shape.queryHeads
    var multiples = [Double?](repeating: nil, count: shape.batch * shape.queryHeads * tiles * tiles)
    for (row, multiple) in rows.enumerated() {
      // Nothing is there where neither sees a key.
      let lanes = row * tileSize..<(row + 1) * tileSize
      guard reference[lanes].contains(where: { $0 != 0 }) || cut[lanes].contains(where: { $0 != 0 }) else { continue }
      let (token, column) = row.quotientAndRemainder(dividingBy: layout.heads)
      let (head, keyTile) = column.quotientAndRemainder(dividingBy: tiles)
      let (sequence, position) = token.quotientAndRemainder(dividingBy: shape.length)
      let tile = ((sequence * shape.queryHeads + head) * tiles + position / tileSize) * tiles + keyTile
      multiples[tile] = max(multiples[tile] ?? 0, multiple)
    }
    return LogitTiles(
      variant: variant, note: note, batch: shape.batch, length: shape.length, heads: shape.queryHeads,
      tileSize: tileSize, multiples: multiples)
  }

  /// Rows of T keys cut into rows of a tile, the last one filled up with zeros.
  private static func cut(_ logits: [Double], _ shape: AttentionShape, _ tileSize: Int) -> [Double] {
    let tiles = (shape.length + tileSize - 1) / tileSize
    guard tiles * tileSize > shape.length else { return logits }
    let padding = [Double](repeating: 0, count: tiles * tileSize - shape.length)
    return stride(from: 0, to: logits.count, by: shape.length).flatMap { logits[$0..<$0 + shape.length] + padding }
  }
}
