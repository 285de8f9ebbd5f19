import LinearAlgebra

/// PaTH attention: o and the log-sum-exp of every row.
///
///     S_ij = scale · q_i H_i H_{i−1} … H_{j+1} k_jᵀ + gate_ij,  j ≤ i,   H_t = I − β_t w_tᵀ w_t
///     P = softmax over j ≤ i;   o_i = Σ_j P_ij v_j;   lse_i = log Σ_j exp S_ij
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g.
///   - options: Scale, gate convention, form, threads.
/// - Returns: o [B, T, HQ, V] and lse [B, T, HQ].
/// - Throws: `AttentionError` when an input is not finite or an option makes no sense.
/// - Complexity: That of the form, for each query head and segment.
///
/// Source: Yang et al., “PaTH Attention”, arXiv 2505.16381; the gate is that of Lin et al., arXiv 2503.02130.
@specialized(where S == Double)
@specialized(where S == Float)
public func attention<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ options: AttentionOptions = AttentionOptions()
) throws(AttentionError) -> AttentionOutputs<S> {
  let scale = try validatedScale(inputs, options)
  let outputs = AttentionOutputs<S>(inputs)
  Traversal(inputs: inputs, options: options).forward { place in
    OnlineSoftmax(
      LogitMap(scale: scale, g: inputs.gateWindow(place), options.gate),
      V: inputs.v.window(place.segment, head: place.head),
      O: outputs.o.mutableWindow(place.segment, head: place.queryHead),
      lse: outputs.lse.mutableWindow(place.segment, head: place.queryHead),
      rows: outputs.rows(place))
  }
  return outputs
}

/// The gradients of Σ do · o + Σ dlse · lse with respect to every input, for outputs that `attention` has computed.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` returned for them with the same scale and gate convention.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - lseCotangent: The cotangent of lse, [B, T, HQ], or nil for zero.
///   - options: Scale, gate convention, form, threads. The form need not be the one of the forward pass.
/// - Returns: dq, dk, dv, dw, dβ and, if there is a gate, dg, each in the shape of its input. Gradients of k, v, w and β
///   are summed over the query heads that read them.
/// - Throws: `AttentionError` when a cotangent does not fit, a number is not finite or an option makes no sense.
/// - Complexity: That of the form, for each query head and segment; about 2.5 times the forward pass.
@specialized(where S == Double)
@specialized(where S == Float)
public func attentionGradients<S: RealScalar>(
  of inputs: AttentionInputs<S>, outputs: AttentionOutputs<S>, outputCotangent: [S], lseCotangent: [S]? = nil,
  _ options: AttentionOptions = AttentionOptions()
) throws(AttentionError) -> AttentionGradients<S> {
  let scale = try validatedScale(inputs, options)
  let dO = try TokenTensor(.do, inputs.shape, outputCotangent)
  try validateFinite(dO, "do")
  var dlse: TokenTensor<S>?
  if let lseCotangent {
    let cotangent = try TokenTensor(.lse, inputs.shape, lseCotangent)
    try validateFinite(cotangent, "dlse")
    dlse = cotangent
  }
  let gradients = AttentionGradients(inputs)
  Traversal(inputs: inputs, options: options).backward(into: gradients.logit) { [dlse] place -> SoftmaxCotangent<S> in
    let map = LogitMap(scale: scale, g: inputs.gateWindow(place), options.gate)
    return SoftmaxCotangent(
      map, V: inputs.v.window(place.segment, head: place.head),
      O: outputs.o.window(place.segment, head: place.queryHead),
      dO: dO.window(place.segment, head: place.queryHead),
      dlse: dlse?.window(place.segment, head: place.queryHead),
      rows: outputs.rows(place),
      dV: gradients.dv.mutableWindow(place.segment, head: place.head),
      gate: GateCotangent(map.gate, place, into: gradients.logit.dg))
  }
  return gradients
}

/// What PaTH attention computes.
public struct AttentionOutputs<S: Scalar>: Sendable {
  /// The outputs, [B, T, HQ, V].
  public let o: TokenTensor<S>
  /// The log-sum-exp of the logits of each row, natural logarithm, [B, T, HQ].
  public let lse: TokenTensor<S>
  private let rows: [SoftmaxRows<S>]
  private let queryHeads: Int

  init(_ inputs: AttentionInputs<S>) {
    o = TokenTensor(.o, inputs.shape)
    lse = TokenTensor(.lse, inputs.shape)
    queryHeads = inputs.shape.queryHeads
    rows = inputs.segments.flatMap { segment in
      (0..<inputs.shape.queryHeads).map { _ in SoftmaxRows(length: segment.count) }
    }
  }

  func rows(_ place: SegmentHead) -> SoftmaxRows<S> { rows[place.segmentIndex * queryHeads + place.queryHead] }
}

/// Checks numbers and options; the scale of the logits.
private func validatedScale<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ options: AttentionOptions
) throws(AttentionError) -> S {
  for (tensor, entries) in inputs.tensors { try validateFinite(entries, tensor.rawValue) }
  try options.form.validate()
  if let threads = options.threads, threads < 1 {
    throw .option(name: "threads", expected: "at least 1", found: "\(threads)")
  }
  let scale = options.scale ?? 1 / Double(inputs.shape.keyDim).squareRoot()
  guard scale.isFinite else { throw .option(name: "scale", expected: "finite", found: "\(scale)") }
  return S(scale)
}

private func validateFinite<S: RealScalar>(_ tensor: TokenTensor<S>, _ name: String) throws(AttentionError) {
  let view = tensor.matrix.view
  for i in 0..<view.rows {
    let row = view.row(i)
    for j in 0..<row.count where !row[j].isFinite {
      throw .notFinite(tensor: name, index: i * view.columns + j, value: "\(row[j])")
    }
  }
}
