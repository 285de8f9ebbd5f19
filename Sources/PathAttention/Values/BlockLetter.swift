/// What the blockwise form makes of q, k, w and β on its way to the logits, by its letter. Stages, rounding points, certificates
/// and pages mean the same by the same letter.
public enum BlockLetter: String, CaseIterable, Sendable {
  /// M⁻¹ of a block, n × n, unit lower triangular.
  case inverse = "M⁻¹"
  /// n × n, lower triangular.
  case T
  /// n × d.
  case U
  /// n × n, strictly lower triangular.
  case Z
  /// Keys carried to the end of their block, n × d. Row t: H_last … H_{t+1} k_tᵀ.
  case K̂
  /// Queries carried to the start of their block, n × d. Row t: q_t H_t … H_first.
  case Q̃
  /// Queries on their way over earlier blocks, n × d: Q̃ at first, then X ← X R from block to block.
  case X
  /// What a block does to queries that are carried over it, d × d: H_last … H_first.
  case R

  /// What it is, as a formula.
  public var formula: String {
    switch self {
    case .inverse: "M⁻¹ = (I + stril(diag(β) W Wᵀ))⁻¹"
    case .T: "T = M⁻¹ diag(β)"
    case .U: "U = T W"
    case .Z: "Z = T stril(W Kᵀ)"
    case .K̂: "K̂ = K − (T stril(W Kᵀ))ᵀ W"
    case .Q̃: "Q̃ = Q − tril(Q Wᵀ) U"
    case .X: "X ← X R"
    case .R: "R = I − Wᵀ U"
    }
  }
}
