import LinearAlgebra

/// What a layer makes of its tokens before they attend to each other, stage by stage.
public struct LayerProjections<S: Scalar>: Sendable {
  /// q before its normalisation, tokens × hidden.
  public let q: Matrix<S>
  /// k before its normalisation, tokens × (heads · lanes).
  public let k: Matrix<S>
  /// x after the first of the two factors that make w, if there are two.
  public let w0: Matrix<S>?
  /// w before the convolution.
  public let wProjected: Matrix<S>
  /// w after the convolution and before SiLU, if there is a convolution.
  public let wConvolved: Matrix<S>?
  /// w before its normalisation.
  public let wActivated: Matrix<S>
  /// The logit of β: β = 2 σ(·).
  public let strengthLogits: Matrix<S>
  /// The logit of the forget gate, if there is one: g = log σ(·).
  public let gateLogits: Matrix<S>?
  /// q, k, v, w, β and g as attention takes them.
  public let inputs: AttentionInputs<S>
  /// The last rows of `wProjected` of each sequence, which its next tokens are convolved with; empty without convolution.
  public let history: [Matrix<S>]
}
