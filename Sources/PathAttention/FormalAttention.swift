import LinearAlgebra

// PaTH attention over scalars that are not real numbers. It is the same text as `attention` and `attentionGradients`; only
// the checks for finite numbers have no meaning here.

/// PaTH attention over any scalar that the softmax can be evaluated in.
///
/// Over a field in which exp(s − m) stands for a quotient of units e_s / e_m, the outputs are rational functions of the
/// inputs and can be compared exactly; over `Dual` numbers they carry their directional derivative.
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g.
///   - scale: The factor of the logits.
///   - gate: How the gate enters.
///   - form: Which form computes the logits.
/// - Returns: o [B, T, HQ, V] and lse [B, T, HQ], whatever `logSumExp` of the scalar makes of it.
/// - Throws: `AttentionError` when the form makes no sense.
/// - Complexity: That of the form, for each query head and segment.
@specialized(where S == PrimeField)
@specialized(where S == Dual<PrimeField>)
@specialized(where S == Degree)
public func attention<S: SoftmaxScalar>(
  _ inputs: AttentionInputs<S>, scale: S, gate: GateConvention = .scaled, form: AttentionForm
) throws(AttentionError) -> AttentionOutputs<S> {
  let traversal = try Traversal(inputs, scale: scale, form: form)
  let outputs = AttentionOutputs<S>(inputs)
  traversal.forward(
    SoftmaxVisitors(inputs: inputs, outputs: outputs, scale: scale, convention: gate, rounding: NoRounding()))
  return outputs
}

/// The gradients of Σ do · o + Σ dlse · lse over any scalar that the softmax can be evaluated in.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` returned for them with the same scale and gate convention.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - lseCotangent: The cotangent of the logarithm of Σ_j exp S_ij, [B, T, HQ], or nil for zero.
///   - scale: The factor of the logits.
///   - gate: How the gate enters.
///   - form: Which form computes the gradients.
/// - Throws: `AttentionError` when outputs or a cotangent do not fit or the form makes no sense.
/// - Complexity: That of the form, for each query head and segment.
@specialized(where S == PrimeField)
public func attentionGradients<S: SoftmaxScalar>(
  of inputs: AttentionInputs<S>, outputs: AttentionOutputs<S>, outputCotangent: [S], lseCotangent: [S]? = nil,
  scale: S, gate: GateConvention = .scaled, form: AttentionForm
) throws(AttentionError) -> AttentionGradients<S> {
  let traversal = try Traversal(inputs, scale: scale, form: form)
  let dO = try TokenTensor(.do, inputs.shape, outputCotangent)
  var dlse: TokenTensor<S>?
  if let lseCotangent { dlse = try TokenTensor(.lse, inputs.shape, lseCotangent) }
  try outputs.validate(inputs) { _, _ in true }
  let gradients = AttentionGradients(inputs)
  traversal.backward(
    into: gradients.logit,
    SoftmaxCotangentVisitors(
      inputs: inputs, outputs: outputs, scale: scale, convention: gate, dO: dO, dlse: dlse, gradients: gradients,
      rounding: NoRounding()))
  return gradients
}
