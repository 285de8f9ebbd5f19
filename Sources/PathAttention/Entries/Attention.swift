import LinearAlgebra

/// PaTH attention: o and the log-sum-exp of every row.
///
///     S_ij = scale · q_i H_i H_{i−1} … H_{j+1} k_jᵀ + gate_ij,  j ≤ i,   H_t = I − β_t w_tᵀ w_t
///     P = softmax over j ≤ i;   o_i = Σ_j P_ij v_j;   lse_i = log Σ_j exp S_ij
///
/// Over a field in which exp(s − m) stands for a quotient of units e_s / e_m, the outputs are rational functions of the
/// inputs and can be compared exactly; over `Dual` numbers they carry their directional derivative.
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g.
///   - function: Scale and gate convention.
///   - execution: Form, threads.
///   - queryTokens: The tokens, over the whole batch, whose queries are wanted; all when nil. The rows of the others are not
///     computed, and NaN where the scalar has it. With n of them the sequential product and the blockwise form take O(n L d).
/// - Returns: o [B, T, HQ, V] and lse [B, T, HQ].
/// - Throws: `AttentionError` when an input is not finite or an option makes no sense.
/// - Complexity: That of the form, for each query head and segment.
///
/// Source: Yang et al., “PaTH Attention”, arXiv 2505.16381; the gate is that of Lin et al., arXiv 2503.02130.
@specialized(where S == Double)
@specialized(where S == Float)
@specialized(where S == Dual<Double>)
@specialized(where S == PrimeField)
@specialized(where S == Dual<PrimeField>)
@specialized(where S == Degree)
public func attention<S: SoftmaxScalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, _ execution: AttentionExecution = .init(),
  queryTokens: [Int]? = nil
) throws(AttentionError) -> AttentionOutputs<S> {
  try forwardPass(inputs, function, execution, queryTokens: queryTokens, rounding: NoRounding())
}

/// The same with the usual scale, 1/√d_k, and gate convention.
@specialized(where S == Double)
@specialized(where S == Float)
public func attention<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ execution: AttentionExecution = .init(), queryTokens: [Int]? = nil
) throws(AttentionError) -> AttentionOutputs<S> {
  try attention(inputs, inputs.function(), execution, queryTokens: queryTokens)
}

/// The gradients of Σ do · o + Σ dlse · lse with respect to every input, for outputs that `attention` has computed.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` returned for them; they know of which function they are.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - lseCotangent: The cotangent of lse, the logarithm of Σ_j exp S_ij, [B, T, HQ], or nil for zero.
///   - execution: Form, threads. The form need not be the one of the forward pass.
/// - Returns: dq, dk, dv, dw, dβ and, if there is a gate, dg, each in the shape of its input. Gradients of k, v, w and β
///   are summed over the query heads that read them.
/// - Throws: `AttentionError` when a cotangent does not fit, a number is not finite, an option makes no sense, or a row of
///   the outputs that has a cotangent was not computed.
/// - Complexity: That of the form, for each query head and segment; about 2.5 times the forward pass. Only rows whose
///   cotangent is not zero are visited: with n of them, O(n L d) by the sequential product and the blockwise form.
@specialized(where S == Double)
@specialized(where S == Float)
@specialized(where S == PrimeField)
public func attentionGradients<S: SoftmaxScalar>(
  of inputs: AttentionInputs<S>, outputs: AttentionOutputs<S>, outputCotangent: [S], lseCotangent: [S]? = nil,
  _ execution: AttentionExecution = .init()
) throws(AttentionError) -> AttentionGradients<S> {
  try backwardPass(inputs, outputs, outputCotangent, lseCotangent, execution, rounding: NoRounding())
}
