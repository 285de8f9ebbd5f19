import PathAttention

/// Where an entry of a tensor stands. Tensors without heads have no `head`, those without lanes (β, gates, lse) no `lane`.
public struct Place: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The sequence in the batch.
  public var batch: Int
  /// The token in the sequence.
  public var token: Int
  /// The query head or key/value head, whichever the tensor has.
  public var head: Int?
  /// The component of the vector, if it is one.
  public var lane: Int?

  /// The place of an entry given by its index in memory.
  public init(_ index: Int, of tensor: AttentionTensor, in shape: AttentionShape) {
    let (heads, lanes) = shape.layout(of: tensor)
    self.init(index, length: shape.length, heads: heads, lanes: lanes)
  }

  /// The place of an entry of a tensor with a layout.
  package init(_ index: Int, _ layout: RowLayout) {
    self.init(index, length: layout.length, heads: layout.heads, lanes: layout.lanes)
    token += layout.firstToken
    if !layout.hasHeads { head = nil }
  }

  private init(_ index: Int, length: Int, heads: Int, lanes: Int?) {
    let row = index / (lanes ?? 1)
    lane = lanes.map { index % $0 }
    head = row % heads
    token = row / heads % length
    batch = row / heads / length
  }

  /// Like `b0 t17 h1 lane 3`.
  public var description: String {
    "b\(batch) t\(token)" + (head.map { " h\($0)" } ?? "") + (lane.map { " lane \($0)" } ?? "")
  }
}
