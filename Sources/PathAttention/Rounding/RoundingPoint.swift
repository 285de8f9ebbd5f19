/// Where a kernel that computes the blockwise form may round. The names are those of the mathematics in `Blockwise`.
///
/// Letters are those of `BlockLetter`; the raw values are the keys of profiles.
///
/// Operands are rounded as they enter a product, accumulators after every few terms of a sum, results when they are written.
public enum RoundingPoint: String, CaseIterable, Sendable, Codable, CodingKeyRepresentable {
  // MARK: Operands within a block

  /// Q in Q Wᵀ and Q Kᵀ.
  case queries
  /// K in Q Kᵀ and W Kᵀ.
  case keys
  /// W in Q Wᵀ, W Kᵀ, T W and K̂ = K − Zᵀ W.
  case reflections
  /// W in the Gram matrix of M = I + stril(diag(β) W Wᵀ).
  case gramReflections
  /// T = M⁻¹ diag(β), and M⁻ᵀ in the backward pass.
  case transform
  /// tril(Q Wᵀ), Y = stril(W Kᵀ), Z = T Y and U = T W where they meet each other.
  case blockProducts

  // MARK: Operands between blocks

  /// K̂, the keys carried to the end of their block.
  case K̂ = "adjustedKeys"
  /// X, the carried queries, in X K̂ᵀ.
  case X = "adjustedQueries"
  /// Q̃, the queries carried to the start of their block, when the backward pass computes them again.
  case Q̃ = "recomputedQueries"
  /// X in the carry X ← X R.
  case carriedX = "carriedQueries"
  /// W and U in R = I − Wᵀ U and in Q̃ = Q − tril(Q Wᵀ) U.
  case carryFactors
  /// R in the carry.
  case R = "carryProduct"

  // MARK: Operands of the softmax

  /// P (up to the sum of its row) in P V and Pᵀ dO.
  case weights
  /// V in P V and dO Vᵀ.
  case values
  /// dO in Pᵀ dO and dO Vᵀ, divided by the sum of the row.
  case outputCotangents
  /// dS in its products with queries and keys.
  case logitCotangents

  // MARK: Operands of the rest of the backward pass

  /// D, the cotangent of carried queries, in D Rᵀ, Xᵀ D and D Uᵀ.
  case carriedCotangents
  /// The cotangents of what `blockProducts`, `carryFactors` and `K̂` name, in their products.
  case blockCotangents

  // MARK: Sums

  /// c, the cumulative sums of the gate.
  case gateSums
  /// Every sum of products, after every few terms; logits, exponentials and dS.
  case accumulators
  /// Sums over a row of the softmax: l, and δ = dO · o.
  case rowSums

  // MARK: Results

  /// The outputs, as they are written and as the backward pass reads them.
  case o
  /// The log-sum-exp.
  case lse
  /// The gradient of q.
  case dq
  /// The gradient of k.
  case dk
  /// The gradient of v.
  case dv
  /// The gradient of w.
  case dw
  /// The gradient of β.
  case dbeta
  /// The gradient of g.
  case dg

  /// Whether numbers at this point are queries, which are multiplied by the scale of the logits before anything else. A
  /// kernel that rounds them rounds them without it.
  var isScaled: Bool {
    switch self {
    case .queries, .X, .Q̃, .carriedX: true
    default: false
    }
  }

  /// Where a tensor that is computed is written.
  ///
  /// - Precondition: `tensor` is an output or a gradient.
  package init(result tensor: AttentionTensor) { self.init(rawValue: tensor.rawValue)! }
}
