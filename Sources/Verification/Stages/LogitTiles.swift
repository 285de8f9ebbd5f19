import LinearAlgebra
import PathAttention

/// The error of logits in multiples of the envelope, tile by tile (query tile × key tile) for every query head.
public struct LogitTiles: Sendable {
  /// Whose logits they are: nil for the candidate's own, otherwise the id of a variant.
  public let variant: String?
  /// What part of the problem was looked at, if not all of it.
  public let note: String?
  /// Sequences.
  public let batch: Int
  /// Tokens per sequence.
  public let length: Int
  /// Query heads.
  public let heads: Int
  /// Rows and columns per tile, counted from the start of each sequence.
  public let tileSize: Int
  /// The worst row of each tile, [batch, heads, query tile, key tile]; nil where no query sees a key. Infinite where one of
  /// candidate and reference sees a key that the other does not.
  public let multiples: [Double?]

  /// Tiles on a side.
  public var tilesPerSide: Int { (length + tileSize - 1) / tileSize }

  package init(
    variant: String?, note: String?, batch: Int, length: Int, heads: Int, tileSize: Int, multiples: [Double?]
  ) {
    self.variant = variant
    self.note = note
    self.batch = batch
    self.length = length
    self.heads = heads
    self.tileSize = tileSize
    self.multiples = multiples
  }

  /// Whether some tile is over twice the envelope.
  var isWrong: Bool { multiples.contains { $0.map { $0 > Verdict.passMultiple } ?? false } }
}

/// The logits that a case should have, and how large an honest error is in the part of every row that lies in a tile.
struct LogitTileEnvelope {
  /// The most logits, B · T² · HQ, that are drawn.
  static let largestWork = 1 << 24

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
  init(
    _ attentionCase: AttentionCase, blockSize: Int, like other: Envelope
  ) throws(AttentionError) {
    let inputs = attentionCase.inputs
    let shape = inputs.shape
    self.shape = shape
    let largest = max(1, shape.length / 8)
    let tileSize = (1...blockSize).last { blockSize % $0 == 0 && $0 <= largest }!
    self.tileSize = tileSize
    let tiles = (shape.length + tileSize - 1) / tileSize
    layout = RowLayout(heads: shape.queryHeads * tiles, lanes: tileSize, isPerQueryHead: true)
    let reference = Self.cut(
      try StageValues([.logits], attentionCase, blockSize: blockSize, rounding: nil)[.logits], shape, tileSize)
    let rows = TokenRows(layout, inputs, reference: reference)
    var random = SeededGenerator(seed: other.seed, part: "stages")
    var errors: [[Double]] = []
    for _ in 0..<other.runs {
      let rounding = other.profile.stochasticRounding(activation: other.activation, seed: random.next())
      let run = try StageValues([.logits], attentionCase, blockSize: blockSize, rounding: rounding)[.logits]
      errors.append(rows.norms(of: Self.cut(run, shape, tileSize), minus: reference))
    }
    self.reference = reference
    let accumulators = other.profile.format(at: .accumulators, activation: other.activation)
    envelope = TensorEnvelope(
      rows: rows, runs: errors, floors: rows.floors(of: reference, accumulators, accumulators: accumulators))
  }

  /// Logits in the layout of `Stage.logits`, held against the envelope.
  func tiles(_ logits: [Double], variant: String?, note: String?) -> LogitTiles {
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

extension Variant {
  /// The logits of the variant in the layout of `Stage.logits`: −∞ where it does not see a key that it should, +∞ where it
  /// sees one that it should not.
  func logits(_ attentionCase: AttentionCase, blockSize: Int) throws(AttentionError) -> [Double] {
    let inputs = try inputChange?.apply(to: attentionCase.inputs) ?? attentionCase.inputs
    let shape = inputs.shape
    let scale = attentionCase.scale ?? 1 / Double(shape.keyDim).squareRoot()
    let logits = Matrix<Double>(rows: shape.tokens, columns: shape.queryHeads * shape.length)
    for segment in inputs.segments {
      for token in segment {
        for head in 0..<shape.queryHeads {
          let start = head * shape.length + segment.lowerBound % shape.length
          for lane in start..<start + token - segment.lowerBound + 1 { logits.mutableView[token, lane] = -.infinity }
        }
      }
    }
    for unit in choices.units(of: inputs, blockSize: blockSize) {
      let head = HeadProgram(
        inputs, unit, choices: choices, blockSize: blockSize, scale: scale, attentionCase.gate,
        gradients: InputGradients(inputs))
      for token in unit.kept {
        let row = token - unit.tokens.lowerBound
        for column in head.visible[row] {
          let lane = unit.queryHead * shape.length + (unit.tokens.lowerBound + column) % shape.length
          logits.mutableView[token, lane] =
            logits[token, lane] == -.infinity ? head.logits.value[row, column] : .infinity
        }
      }
    }
    return logits.entries
  }
}
