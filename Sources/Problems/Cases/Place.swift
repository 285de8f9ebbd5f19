import PathAttention

/// Where an entry of a tensor stands. Tensors without lanes (β, gates, lse) have no `lane`.
public struct Place: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The sequence in the batch.
  public var batch: Int
  /// The token in the sequence.
  public var token: Int
  /// The query head or key/value head, whichever the tensor has.
  public var head: Int
  /// The component of the vector, if it is one.
  public var lane: Int?

  /// The place of an entry given by its index in memory.
  public init(_ index: Int, of tensor: AttentionTensor, in shape: AttentionShape) {
    self.init(index, RowLayout(tensor, shape), length: shape.length)
  }

  /// The place of an entry of a tensor with a layout, in sequences of a length.
  package init(_ index: Int, _ layout: RowLayout, length: Int) {
    let row = index / (layout.lanes ?? 1)
    lane = layout.lanes.map { index % $0 }
    head = row % layout.heads
    token = row / layout.heads % length
    batch = row / layout.heads / length
  }

  /// Like `b0 t17 h1 lane 3`.
  public var description: String { "b\(batch) t\(token) h\(head)" + (lane.map { " lane \($0)" } ?? "") }
}
