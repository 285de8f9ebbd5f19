import LinearAlgebra

/// Which function of its inputs attention is: how the logits come from A_ij = q_i H_i … H_{j+1} k_jᵀ,
///
///     S_ij = scale · A_ij + gate_ij
///
/// Outputs and caches carry the function that they are of, so that it need not, and cannot, be given once more.
public struct AttentionFunction<S: Scalar>: Sendable {
  /// The factor of the logits.
  public var scale: S
  /// How the gate enters the logits, when there is one.
  public var gate: GateConvention

  /// A function.
  public init(scale: S, gate: GateConvention = .scaled) {
    self.scale = scale
    self.gate = gate
  }

  /// What multiplies c_i − c_j, the difference of cumulative log forget gates.
  var gateFactor: S { gate == .scaled ? scale : .one }
}

extension AttentionFunction where S: RealScalar {
  /// The function with the usual scale, 1/√d_k.
  ///
  /// - Parameters:
  ///   - keyDim: d_k, the lanes of q, k and w.
  ///   - gate: How the gate enters.
  public static func usual(keyDim: Int, gate: GateConvention = .scaled) -> Self {
    Self(scale: S(1 / Double(keyDim).squareRoot()), gate: gate)
  }
}

extension AttentionInputs where S: RealScalar {
  /// The function of these inputs with a scale, 1/√d_k when nil.
  public func function(scale: Double? = nil, gate: GateConvention = .scaled) -> AttentionFunction<S> {
    scale.map { AttentionFunction(scale: S($0), gate: gate) } ?? .usual(keyDim: shape.keyDim, gate: gate)
  }
}

/// How the cumulative log forget gate c enters the logit of query i and key j. The two convert exactly:
/// g_unscaled = scale · g_scaled.
public enum GateConvention: String, CaseIterable, Sendable, Codable {
  /// scale · (c_i − c_j), as in flash-linear-attention's PaTH.
  case scaled
  /// c_i − c_j, as in the Forgetting Transformer paper.
  case unscaled
}
