import LinearAlgebra

// Attention as a kernel in another arithmetic computes it: the text of the compact-WY and blockwise forms, rounded at every
// `RoundingPoint`.

/// PaTH attention with emulated rounding.
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g, as the kernel was given them.
///   - options: As for `attention`; the form is compact WY or blockwise.
///   - rounding: How numbers are rounded at each point.
/// - Returns: o and lse as the kernel would have written them. Overflow of the emulated arithmetic gives infinities and NaN.
/// - Throws: `AttentionError` as `attention`, and for the sequential product, in which there are no such points.
/// - Complexity: That of the form; the rounding takes about as long as the products.
public func attention(
  _ inputs: AttentionInputs<Double>, _ options: AttentionOptions = AttentionOptions(), rounding: EmulatedRounding
) throws(AttentionError) -> AttentionOutputs<Double> {
  try options.form.validateRounded()
  let scale = try validatedScale(inputs, options)
  return try forwardPass(
    inputs, scale: scale, options, rounding: ScaledRounding(emulation: rounding, scale: scale))
}

/// The gradients of PaTH attention with emulated rounding.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` with rounding returned for them; δ is computed from them, rounded as they are.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - options: As for `attentionGradients`; the form is compact WY or blockwise.
///   - rounding: How numbers are rounded at each point.
/// - Throws: `AttentionError` as `attentionGradients`, and for the sequential product.
public func attentionGradients(
  of inputs: AttentionInputs<Double>, outputs: AttentionOutputs<Double>, outputCotangent: [Double],
  _ options: AttentionOptions = AttentionOptions(), rounding: EmulatedRounding
) throws(AttentionError) -> AttentionGradients<Double> {
  try options.form.validateRounded()
  let scale = try validatedScale(inputs, options)
  return try backwardPass(
    inputs, outputs, outputCotangent, nil, scale: scale, options,
    rounding: ScaledRounding(emulation: rounding, scale: scale))
}

extension AttentionForm {
  /// Checks that the form is one whose rounding can be emulated.
  func validateRounded() throws(AttentionError) {
    guard self != .sequentialProduct else {
      throw .option(name: "form", expected: "compact WY or blockwise where rounding is emulated", found: "\(self)")
    }
  }
}
