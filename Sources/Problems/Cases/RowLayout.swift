import PathAttention

/// How a tensor is cut into rows: one for every token and head, token after token and head after head.
public struct RowLayout: Sendable, Hashable {
  /// Heads of the tensor.
  public let heads: Int
  /// Numbers in a row, where the tensor has that axis.
  public let lanes: Int?
  /// Whether the heads are those of queries, and not those of keys and values.
  public let isPerQueryHead: Bool

  package init(heads: Int, lanes: Int?, isPerQueryHead: Bool) {
    self.heads = heads
    self.lanes = lanes
    self.isPerQueryHead = isPerQueryHead
  }

  /// The layout of an input, an output or a gradient.
  public init(_ tensor: AttentionTensor, _ shape: AttentionShape) {
    (heads, lanes) = shape.layout(of: tensor)
    isPerQueryHead =
      switch tensor {
      case .q, .g, .o, .lse, .do, .dq, .dg: true
      case .k, .v, .w, .beta, .dk, .dv, .dw, .dbeta: false
      }
  }

  /// The dimensions of the whole tensor: [B, T, heads] or [B, T, heads, lanes].
  package func dimensions(batch: Int, length: Int) -> [Int] { [batch, length, heads] + (lanes.map { [$0] } ?? []) }
}
