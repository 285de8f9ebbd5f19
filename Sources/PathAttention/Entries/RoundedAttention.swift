import LinearAlgebra

// Attention as a kernel in another arithmetic computes it: the text of the compact-WY and blockwise forms, rounded at every
// `RoundingPoint`.

/// PaTH attention with emulated rounding.
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g, as the kernel was given them.
///   - function: Scale and gate convention.
///   - execution: The form is compact WY or blockwise.
///   - queryTokens: As for `attention`.
///   - rounding: How numbers are rounded at each point.
/// - Returns: o and lse as the kernel would have written them. Overflow of the emulated arithmetic gives infinities and NaN.
/// - Throws: `AttentionError` as `attention`, and for the sequential product, in which there are no such points.
/// - Complexity: That of the form; the rounding takes about as long as the products.
public func attention(
  _ inputs: AttentionInputs<Double>, _ function: AttentionFunction<Double>, _ execution: AttentionExecution = .init(),
  queryTokens: [Int]? = nil, rounding: EmulatedRounding
) throws(AttentionError) -> AttentionOutputs<Double> {
  try execution.form.validateRounded()
  return try forwardPass(
    inputs, function, execution, queryTokens: queryTokens,
    rounding: ScaledRounding(emulation: rounding, scale: function.scale))
}

/// The gradients of PaTH attention with emulated rounding.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` with rounding returned for them; δ is computed from them, rounded as they are.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - execution: The form is compact WY or blockwise.
///   - rounding: How numbers are rounded at each point.
/// - Throws: `AttentionError` as `attentionGradients`, and for the sequential product.
public func attentionGradients(
  of inputs: AttentionInputs<Double>, outputs: AttentionOutputs<Double>, outputCotangent: [Double],
  _ execution: AttentionExecution = .init(), rounding: EmulatedRounding
) throws(AttentionError) -> AttentionGradients<Double> {
  try execution.form.validateRounded()
  return try backwardPass(
    inputs, outputs, outputCotangent, nil, execution,
    rounding: ScaledRounding(emulation: rounding, scale: outputs.function.scale))
}

/// The logits as a kernel in another arithmetic has them before the softmax.
///
/// - Parameters:
///   - inputs: q, k, w, β and, if there is a gate, g.
///   - function: Scale and gate convention.
///   - form: Compact WY or blockwise.
///   - rounding: How numbers are rounded at each point.
/// - Throws: `AttentionError`, also for the sequential product, in which there are no such points.
/// - Complexity: As without rounding; the rounding takes about as long as the products.
public func logits(
  _ inputs: AttentionInputs<Double>, _ function: AttentionFunction<Double>, form: AttentionForm,
  rounding: EmulatedRounding
) throws(AttentionError) -> LogitTable<Double> {
  try form.validateRounded()
  return try logitTable(
    inputs, function, form: form, rounding: ScaledRounding(emulation: rounding, scale: function.scale))
}

extension AttentionForm {
  /// Checks that the form is one whose rounding can be emulated.
  func validateRounded() throws(AttentionError) {
    guard self != .sequentialProduct else {
      throw .option(name: "form", expected: "compact WY or blockwise where rounding is emulated", found: "\(self)")
    }
  }
}
