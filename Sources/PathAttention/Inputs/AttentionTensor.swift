/// The tensors that go into and come out of PaTH attention, by the names they have in files.
public enum AttentionTensor: String, CaseIterable, Sendable {
  /// Queries, [B, T, HQ, K].
  case q
  /// Keys, [B, T, H, K].
  case k
  /// Values, [B, T, H, V].
  case v
  /// Reflection vectors, [B, T, H, K].
  case w
  /// Reflection strengths β, [B, T, H].
  case beta
  /// Log forget gates, [B, T, HQ].
  case g
  /// Outputs, [B, T, HQ, V].
  case o
  /// Log-sum-exp of the logits of each row, natural logarithm, [B, T, HQ].
  case lse
  /// Cotangent of the outputs, like `o`.
  case `do`
  /// Gradient of q.
  case dq
  /// Gradient of k, summed over the query heads of the group.
  case dk
  /// Gradient of v, summed over the query heads of the group.
  case dv
  /// Gradient of w, summed over the query heads of the group.
  case dw
  /// Gradient of β, summed over the query heads of the group.
  case dbeta
  /// Gradient of g.
  case dg
}

extension AttentionShape {
  /// The number of heads of a tensor, and of lanes per head where it has that axis.
  public func layout(of tensor: AttentionTensor) -> (heads: Int, lanes: Int?) {
    switch tensor {
    case .q, .dq: (queryHeads, keyDim)
    case .k, .w, .dk, .dw: (heads, keyDim)
    case .v, .dv: (heads, valueDim)
    case .o, .do: (queryHeads, valueDim)
    case .beta, .dbeta: (heads, nil)
    case .g, .dg, .lse: (queryHeads, nil)
    }
  }

  /// The dimensions of a tensor: [B, T, heads] or [B, T, heads, lanes].
  public func dimensions(of tensor: AttentionTensor) -> [Int] {
    let (heads, lanes) = layout(of: tensor)
    return [batch, length, heads] + (lanes.map { [$0] } ?? [])
  }

  /// The number of entries of a tensor.
  public func count(of tensor: AttentionTensor) -> Int { dimensions(of: tensor).reduce(1, *) }
}
