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
  package var isWrong: Bool { multiples.contains { $0.map { $0 > Verdict.passMultiple } ?? false } }
}
