import LinearAlgebra
import PathAttention

/// How far two evaluations of the same problem may be apart by rounding, for every output and gradient.
///
/// First-order, normwise, and from the largest norms in the problem, so one number per tensor holds for every entry of it.
/// Applying a product of r reflections to vectors of d lanes, one by one or in (compact) WY form, has a normwise relative
/// error of at most r · γ_d with γ_d a small multiple of d u (Higham 2002, section 19.5; Björck 1996, section 2.5). With
/// L tokens, sums of at most L + d terms and reflections of norm at most 1,
///
///     ε = 10 u L (L + d)
///
/// covers every form. Where β‖w‖² leaves [0, 2], products may grow, and ε with them, by `productGrowth`. Then
///
/// - logits: δS = ε · scale · max‖q‖ max‖k‖, and u times what the gate adds up to;
/// - the softmax multiplies P by exp(±δS): o is off by at most 2 (δS + ε) max|v|, and lse by δS + ε;
/// - gradients: a row of |dS| sums to at most γ = 2 max‖do‖ max‖v‖ + 2 max|dlse|, and each gradient is a sum of such rows with
///   vectors of known size; its relative error is 2 (δS + ε).
public struct ErrorBound: Sendable {
  /// The bound on a logit.
  public let logit: Double
  /// The bound on an entry of each output and gradient.
  public let entries: [AttentionTensor: Double]

  /// The bound for a problem.
  ///
  /// - Parameters:
  ///   - inputs: The problem.
  ///   - function: Scale and gate convention.
  ///   - outputCotangent: do, if gradients are to be bounded.
  ///   - lseCotangent: dlse, if there is one.
  ///   - u: The unit roundoff of the arithmetic.
  public init(
    _ inputs: AttentionInputs<Double>, _ function: AttentionFunction<Double>, outputCotangent: [Double] = [],
    lseCotangent: [Double] = [], unitRoundoff u: Double = 0x1p-53
  ) {
    let shape = inputs.shape
    let L = Double(inputs.segments.map(\.count).max() ?? 0)
    let growth = productGrowth(inputs).factor
    let ε = 10 * u * L * (L + Double(max(shape.keyDim, shape.valueDim))) * growth
    let (q, k, w) = (largestNorm(inputs.q), largestNorm(inputs.k), largestNorm(inputs.w))
    let v = largestNorm(inputs.v)
    let β = inputs.beta.entries.map(abs).max() ?? 0
    let (scale, gate) = (function.scale, function.gate)
    let decay = L * (inputs.g?.entries.map(abs).max() ?? 0) * (gate == .scaled ? scale : 1)
    let δS = ε * abs(scale) * q * k + 10 * u * decay
    let relative = 2 * (δS + ε)

    let cotangent = (try? TokenTensor(.do, shape, outputCotangent)).map(largestNorm) ?? 0
    let γ = 2 * cotangent * v + 2 * (lseCotangent.map(abs).max() ?? 0)
    // A reflection changes nothing but through β wᵀw, which reaches every later row of every query head of the group.
    let rows = L * Double(shape.groupSize)
    let G = abs(scale) * γ * growth
    logit = δS
    entries = [
      .o: relative * v,
      .lse: δS + ε + u * (abs(scale) * q * k * growth + decay + Double.log(max(1, L))),
      .dq: relative * G * k,
      .dk: relative * G * q * rows,
      .dv: relative * cotangent * rows,
      .dw: relative * G * q * k * 2 * β * max(w, 1) * rows,
      .dbeta: relative * G * q * k * max(w * w, 1) * rows,
      .dg: relative * (gate == .scaled ? abs(scale) : 1) * γ * L,
    ]
  }
}

/// The largest 2-norm of a head of a token.
package func largestNorm(_ tensor: TokenTensor<Double>) -> Double {
  var largest = 0.0
  for start in stride(from: 0, to: tensor.matrix.columns, by: tensor.lanes) {
    let head = tensor.matrix.view.columns(start..<start + tensor.lanes)
    for t in 0..<head.rows { largest = max(largest, Double.dot(head.row(t), head.row(t))) }
  }
  return largest.squareRoot()
}
