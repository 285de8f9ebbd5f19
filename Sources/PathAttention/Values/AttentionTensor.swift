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
  /// Cotangent of the log-sum-exp, like `lse`.
  case dlse
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

extension AttentionTensor {
  /// The gradient of an input; nil of what is none.
  public var gradient: AttentionTensor? {
    switch self {
    case .q: .dq
    case .k: .dk
    case .v: .dv
    case .w: .dw
    case .beta: .dbeta
    case .g: .dg
    case .o, .lse, .do, .dlse, .dq, .dk, .dv, .dw, .dbeta, .dg: nil
    }
  }

  /// Whether the tensor is the gradient of an input.
  public var isGradient: Bool { Self.allCases.contains { $0.gradient == self } }

  /// Whether the heads are those of queries, and not those of keys and values.
  public var isPerQueryHead: Bool {
    switch self {
    case .q, .g, .o, .lse, .do, .dlse, .dq, .dg: true
    case .k, .v, .w, .beta, .dk, .dv, .dw, .dbeta: false
    }
  }

  /// Whether a row of it may depend on tokens after its own.
  public var dependsOnLaterTokens: Bool {
    switch self {
    case .dk, .dv, .dw, .dbeta, .dg: true
    case .q, .k, .v, .w, .beta, .g, .o, .lse, .do, .dlse, .dq: false
    }
  }
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
    case .g, .dg, .lse, .dlse: (queryHeads, nil)
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
