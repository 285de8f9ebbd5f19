import PathAttention

extension AttentionTensor {
  /// Whether the tensor is the gradient of an input.
  package var isGradient: Bool {
    switch self {
    case .dq, .dk, .dv, .dw, .dbeta, .dg: true
    default: false
    }
  }

  /// Whether the heads are those of queries, and not those of keys and values.
  package var isPerQueryHead: Bool {
    switch self {
    case .q, .g, .o, .lse, .do, .dq, .dg: true
    case .k, .v, .w, .beta, .dk, .dv, .dw, .dbeta: false
    }
  }

  /// The gradient of an input.
  package var gradient: AttentionTensor? {
    switch self {
    case .q: .dq
    case .k: .dk
    case .v: .dv
    case .w: .dw
    case .beta: .dbeta
    case .g: .dg
    default: nil
    }
  }
}
