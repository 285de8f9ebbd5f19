import LinearAlgebra
import NumberFormats
import PathAttention

/// Identities that exact gradients satisfy, whatever the loss. They need no reference: they test a candidate's gradients
/// against each other.
///
/// - Reflection scaling: H_t depends on w and β only through β wᵀw, so (w, β) → (c w, β/c²) changes nothing, and
///   w_t · dw_t = 2 β_t dβ_t for every token and head.
/// - Rotation: the logits depend on q, k and w only through inner products, so a common orthogonal change of basis changes
///   nothing, and Qᵀ dQ + Kᵀ dK + Wᵀ dW is symmetric for every segment and key/value head (Q, dQ stacked over the group).
/// - Segment start: the interval (j, i] never contains the first token, so dw, dβ and dg of it are zero.
public enum GradientIdentity: String, CaseIterable, Sendable, Codable {
  /// w_t · dw_t − 2 β_t dβ_t
  case reflectionScaling
  /// The antisymmetric part of Qᵀ dQ + Kᵀ dK + Wᵀ dW
  case rotation
  /// dw, dβ and dg of the first token of each segment
  case segmentStart

  /// What holds.
  public var formula: String {
    switch self {
    case .reflectionScaling: "w·dw = 2 β dβ"
    case .rotation: "QᵀdQ + KᵀdK + WᵀdW symmetric"
    case .segmentStart: "dw = dβ = dg = 0 at segment starts"
    }
  }

  /// The gradients that it is about.
  package var tensors: [AttentionTensor] {
    switch self {
    case .reflectionScaling: [.dw, .dbeta]
    case .rotation: [.dq, .dk, .dw]
    case .segmentStart: [.dw, .dbeta, .dg]
    }
  }
}

/// w_t · dw_t − 2 β_t dβ_t for every token and key/value head. O(B T H K).
public func reflectionScalingResidual<S: Scalar>(
  _ inputs: AttentionInputs<S>, dw: TokenTensor<S>, dbeta: TokenTensor<S>
) -> Matrix<S> {
  let residual = Matrix<S>(rows: inputs.shape.tokens, columns: inputs.shape.heads)
  for head in 0..<inputs.shape.heads {
    let tokens = 0..<inputs.shape.tokens
    let (w, dw) = (inputs.w.window(tokens, head: head), dw.window(tokens, head: head))
    let (β, dβ) = (inputs.beta.window(tokens, head: head), dbeta.window(tokens, head: head))
    for t in tokens {
      residual.mutableView[t, head] = S.dot(w.row(t), dw.row(t)) - S(2) * β[t, 0] * dβ[t, 0]
    }
  }
  return residual
}

/// N − Nᵀ for N = Qᵀ dQ + Kᵀ dK + Wᵀ dW of one segment and key/value head, K × K. O(L K² · group).
public func rotationResidual<S: Scalar>(
  _ inputs: AttentionInputs<S>, segment: Range<Int>, head: Int, dq: TokenTensor<S>, dk: TokenTensor<S>,
  dw: TokenTensor<S>
) -> Matrix<S> {
  let d = inputs.shape.keyDim
  let N = Matrix<S>(rows: d, columns: d)
  let group = inputs.shape.groupSize
  for queryHead in head * group..<(head + 1) * group {
    addProduct(
      inputs.q.window(segment, head: queryHead).transposed, dq.window(segment, head: queryHead), to: N)
  }
  addProduct(inputs.k.window(segment, head: head).transposed, dk.window(segment, head: head), to: N)
  addProduct(inputs.w.window(segment, head: head).transposed, dw.window(segment, head: head), to: N)
  let residual = N.copy()
  for a in 0..<d {
    for b in 0..<d { residual.mutableView[a, b] -= N[b, a] }
  }
  return residual
}

/// One identity, measured on a candidate's gradients.
public struct IdentityReport: Sendable, Codable {
  /// Which one.
  public var name: GradientIdentity
  /// The 2-norm of the residuals relative to that of the terms that cancel; for the segment start, of dw, dβ or dg there
  /// relative to the whole tensor, whichever is largest.
  public var residual: ReportNumber
  /// The residual that counts as rounding: four times the largest of the runs that the envelope is made from, and at least
  /// the unit roundoff of the coarsest of the dtypes of its gradients and of what the profile calls activation.
  public var limit: ReportNumber
  /// Whether the residual is a number within it. A statement about the candidate's gradients alone; it does not enter the verdict.
  public var holds: Bool

  package init(_ name: GradientIdentity, residual: Double, limit: Double) {
    self.name = name
    self.residual = ReportNumber(residual)
    self.limit = ReportNumber(limit)
    holds = residual.isFinite && residual <= limit
  }
}

/// The residuals of the identities for which all gradients are there.
package func identityResiduals(
  _ inputs: AttentionInputs<Double>, gradients: [AttentionTensor: TokenTensor<Double>]
) -> [(identity: GradientIdentity, residual: Double)] {
  var residuals: [(GradientIdentity, Double)] = []
  func report(_ identity: GradientIdentity, _ residual: Double) { residuals.append((identity, residual)) }
  let (dq, dk, dw) = (gradients[.dq], gradients[.dk], gradients[.dw])
  let (dbeta, dg) = (gradients[.dbeta], gradients[.dg])
  if let dw, let dbeta { report(.reflectionScaling, reflectionScaling(inputs, dw: dw, dbeta: dbeta)) }
  if let dq, let dk, let dw { report(.rotation, rotation(inputs, dq: dq, dk: dk, dw: dw)) }
  let starting = [dw, dbeta, dg].compactMap { $0 }
  if !starting.isEmpty { report(.segmentStart, starting.map { segmentStart(inputs, $0) }.reduce(0, maxOrNaN)) }
  return residuals
}

private func reflectionScaling(
  _ inputs: AttentionInputs<Double>, dw: TokenTensor<Double>, dbeta: TokenTensor<Double>
) -> Double {
  var (residual, terms) = (ScaledNorm(), ScaledNorm())
  for entry in reflectionScalingResidual(inputs, dw: dw, dbeta: dbeta).entries { residual.add(entry) }
  for (w, dw) in zip(inputs.w.entries, dw.entries) { terms.add(w * dw) }
  for (β, dβ) in zip(inputs.beta.entries, dbeta.entries) { terms.add(2 * β * dβ) }
  return residual.relative(to: terms)
}

private func rotation(
  _ inputs: AttentionInputs<Double>, dq: TokenTensor<Double>, dk: TokenTensor<Double>, dw: TokenTensor<Double>
) -> Double {
  var (residual, terms) = (ScaledNorm(), ScaledNorm())
  for segment in inputs.segments {
    for head in 0..<inputs.shape.heads {
      for entry in rotationResidual(inputs, segment: segment, head: head, dq: dq, dk: dk, dw: dw).entries {
        residual.add(entry)
      }
    }
  }
  // ‖xᵀ y‖_F = ‖x‖ ‖y‖ is the size of one token's term.
  for (x, dx) in [(inputs.q, dq), (inputs.k, dk), (inputs.w, dw)] {
    let (x, dx) = (x.matrix.view, dx.matrix.view)
    for t in 0..<x.rows {
      terms.add((Double.dot(x.row(t), x.row(t)) * Double.dot(dx.row(t), dx.row(t))).squareRoot())
    }
  }
  return residual.relative(to: terms)
}

private func segmentStart(_ inputs: AttentionInputs<Double>, _ gradient: TokenTensor<Double>) -> Double {
  var (start, all) = (ScaledNorm(), ScaledNorm())
  for entry in gradient.entries { all.add(entry) }
  for segment in inputs.segments where !segment.isEmpty {
    for entry in gradient.matrix.view.row(segment.lowerBound) { start.add(entry) }
  }
  return start.relative(to: all)
}

private func maxOrNaN(_ a: Double, _ b: Double) -> Double { a.isNaN || b.isNaN ? .nan : max(a, b) }
