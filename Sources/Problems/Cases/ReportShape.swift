import PathAttention

/// The sizes of a problem, as reports have them.
public struct ReportShape: Sendable, Codable {
  /// Sequences.
  public var batch: Int
  /// Tokens per sequence.
  public var length: Int
  /// Query heads.
  public var queryHeads: Int
  /// Key/value heads.
  public var heads: Int
  /// Lanes of q, k and w.
  public var keyDim: Int
  /// Lanes of v.
  public var valueDim: Int
  /// Independent segments, over all sequences.
  public var segments: Int
}

extension ReportShape {
  package init(_ shape: AttentionShape, segments: Int) {
    self.init(
      batch: shape.batch, length: shape.length, queryHeads: shape.queryHeads, heads: shape.heads, keyDim: shape.keyDim,
      valueDim: shape.valueDim, segments: segments)
  }
}
