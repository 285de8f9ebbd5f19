import Foundation
import PathAttention
import Problems
import Synchronization

/// How far rounding may move the rows of every tensor where it decides which keys are attended to.
///
/// The envelope samples errors of first order. Where the honest error of a logit, as the envelope of lse tells it, is more
/// than 1/4, rounding changes weights by so much that no sample of a few kernels tells what another one does. Such a query is
/// *undetermined*. What it may do is bounded by its weights: if no logit of it is off by more than δ,
///
///     |P'_ij − P_ij| ≤ Δ_ij = min(1, (e^{2δ} − 1) · min(P_ij, 1 − P_ij)),
///
/// because the odds of a key change by at most e^{2δ}. With δ of four envelopes of lse, as far as a kernel may go before it
/// fails, that gives, with norms of rows, o_i for the change of an output and D_ij for that of the cotangent of a logit,
///
///     |o_i| ≤ Σ_j Δ_ij (‖v_j‖ + ‖o_i‖)                        D_ij ≤ ‖do_i‖ (Δ_ij (‖v_j‖ + ‖o_i‖) + (P_ij + Δ_ij) |o_i|)
///     dq_i ≤ scale Σ_j D_ij ‖k_j‖      dk_j ≤ scale Σ_i D_ij ‖q_i‖      dv_j ≤ Σ_i Δ_ij ‖do_i‖
///     dβ_t ≤ scale ‖w_t‖² Σ_{j<t≤i} D_ij ‖q_i‖ ‖k_j‖      dw_t ≤ 2 β_t scale ‖w_t‖ Σ_{j<t≤i} …      dg_t ≤ factor Σ_{j<t≤i} D_ij
///
/// (products of reflections do not lengthen a vector while 0 ≤ β‖w‖² ≤ 2; outside, their growth is a factor). A key that no
/// undetermined query attends to keeps its envelope.
struct WeightUncertainty {
  /// Up to which error of a logit P is still known to first order.
  static let usableLogitError = 0.25

  /// For every row of a tensor what undetermined queries may move it by, a 2-norm; nil if there are no such queries.
  private(set) var bounds: [AttentionTensor: [Double]] = [:]

  /// - Parameters:
  ///   - attentionCase: The problem.
  ///   - reference: o and lse, and what else is to have bounds.
  ///   - logitErrors: The envelope of lse.
  ///   - knowsLogits: Whether the logits are those of the definition. If not, nothing is known of the weights of
  ///     undetermined queries.
  init(
    _ attentionCase: AttentionCase, reference: [AttentionTensor: [Double]], logitErrors: [Double], knowsLogits: Bool
  ) {
    guard let o = reference[.o], let lse = reference[.lse],
      logitErrors.contains(where: { !($0 <= Self.usableLogitError) })
    else { return }
    let sums = WeightSums(attentionCase, o: o, lse: lse, logitErrors: logitErrors)
    for pass in WeightSums.Pass.allCases {
      sums.walk(attentionCase, pass, knowsLogits: knowsLogits, lse)
    }
    bounds = sums.bounds(attentionCase).filter { reference[$0.key] != nil }
  }

  /// The bounds of a tensor; nil if nothing is undetermined.
  subscript(tensor: AttentionTensor) -> [Double]? { bounds[tensor] }
}

/// The sums over weights from which the bounds are made.
private final class WeightSums: Sendable {
  enum Pass: CaseIterable { case outputs, gradients }

  private let shape: AttentionShape
  private let segments: [Range<Int>]
  /// e^{2δ} − 1 for every token and query head; 0 where the query is determined.
  private let factors: [Double]
  private let lse: [Double]
  private let norms: [AttentionTensor: [Double]]
  /// The largest ‖v_j‖ that a query sees, for every token and head.
  private let largestValues: [Double]

  private struct Sums {
    /// |o_i|
    var outputs: [Double]
    /// Over keys, for every token and query head: Σ D, Σ D ‖k‖, Σ D ‖q‖ ‖k‖
    var (ofQuery, dq, ofQueryScaled): ([Double], [Double], [Double])
    /// Over queries: Σ D for every token and query head; Σ D ‖q‖ and Σ Δ ‖do‖ for every token and head; Σ D ‖q‖ ‖k‖
    var (ofKey, dk, dv, ofKeyScaled): ([Double], [Double], [Double], [Double])
  }
  private let sums: Mutex<Sums>

  init(_ attentionCase: AttentionCase, o: [Double], lse: [Double], logitErrors: [Double]) {
    let inputs = attentionCase.inputs
    let shape = inputs.shape
    self.shape = shape
    self.lse = lse
    segments = inputs.segments
    factors = logitErrors.map { error in
      error <= WeightUncertainty.usableLogitError ? 0 : exp(2 * Verdict.marginalMultiple * error) - 1
    }
    var norms = Dictionary(
      uniqueKeysWithValues: inputs.tensors.map { ($0, rowNorms($1.entries, lanes: $1.lanes)) })
    norms[.o] = rowNorms(o, lanes: shape.valueDim)
    norms[.do] = attentionCase.outputCotangent.map { rowNorms($0, lanes: shape.valueDim) }
    self.norms = norms
    var largest = norms[.v]!
    for segment in inputs.segments {
      for row in segment.dropFirst().flatMap({ $0 * shape.heads..<($0 + 1) * shape.heads }) {
        largest[row] = max(largest[row], largest[row - shape.heads])
      }
    }
    largestValues = largest
    let (queries, keys) = (
      [Double](repeating: 0, count: shape.tokens * shape.queryHeads),
      [Double](repeating: 0, count: shape.tokens * shape.heads)
    )
    sums = Mutex(
      Sums(
        outputs: queries, ofQuery: queries, dq: queries, ofQueryScaled: keys, ofKey: queries, dk: keys, dv: keys,
        ofKeyScaled: keys))
  }

  func walk(_ attentionCase: AttentionCase, _ pass: Pass, knowsLogits: Bool, _ lse: [Double]) {
    guard pass == .outputs || norms[.do] != nil else { return }
    let inputs = attentionCase.inputs
    let heads = shape.queryHeads
    let body: @Sendable (LogitStretch) -> Void = { stretch in
      self.sums.withLock { sums in
        switch pass {
        case .outputs: self.addOutputs(stretch, &sums)
        case .gradients: self.addGradients(stretch, &sums)
        }
      }
    }
    if knowsLogits {
      let factors = factors
      forEachLogitStretch(
        inputs, attentionCase.function,
        form: referenceForm(for: inputs, queryTokens: attentionCase.queryTokens),
        where: { token, head in factors[token * heads + head] != 0 }, body)
    } else {
      for segment in segments {
        for token in segment {
          for head in 0..<heads where factors[token * heads + head] != 0 {
            // A weight of one half may become any other.
            let unknown = [Double](
              repeating: lse[token * heads + head] - log(2), count: token - segment.lowerBound + 1)
            unknown.withUnsafeBufferPointer {
              body(LogitStretch(token: token, queryHead: head, firstKey: segment.lowerBound, logits: $0))
            }
          }
        }
      }
    }
  }

  /// P_ij and Δ_ij
  private func weight(_ logit: Double, _ query: Int) -> (P: Double, Δ: Double) {
    let P = min(1, exp(logit - lse[query]))
    // The factor may be infinite, and the other one zero.
    let Δ = min(1, factors[query] * max(min(P, 1 - P), .leastNormalMagnitude))
    return (P, Δ.isNaN ? 1 : Δ)
  }

  private func addOutputs(_ stretch: LogitStretch, _ sums: inout Sums) {
    let query = stretch.token * shape.queryHeads + stretch.queryHead
    let head = stretch.queryHead / shape.groupSize
    let (v, o) = (norms[.v]!, norms[.o]![query])
    var sum = 0.0
    for (j, logit) in stretch.logits.enumerated() {
      sum += weight(logit, query).Δ * (v[(stretch.firstKey + j) * shape.heads + head] + o)
    }
    // An output is a mean of values, whatever the weights are.
    sums.outputs[query] = min(
      sums.outputs[query] + sum, 2 * largestValues[stretch.token * shape.heads + head])
  }

  private func addGradients(_ stretch: LogitStretch, _ sums: inout Sums) {
    let query = stretch.token * shape.queryHeads + stretch.queryHead
    let head = stretch.queryHead / shape.groupSize
    let (q, k, v) = (norms[.q]![query], norms[.k]!, norms[.v]!)
    let (o, dO) = (norms[.o]![query], norms[.do]![query])
    guard dO != 0 else { return }
    let moved = sums.outputs[query]
    var (ofQuery, dq) = (0.0, 0.0)
    for (j, logit) in stretch.logits.enumerated() {
      let token = stretch.firstKey + j
      let key = token * shape.heads + head
      let (P, Δ) = weight(logit, query)
      let D = dO * (Δ * (v[key] + o) + min(1, P + Δ) * moved)
      ofQuery += D
      dq += D * k[key]
      sums.ofKey[token * shape.queryHeads + stretch.queryHead] += D
      sums.dk[key] += D * q
      sums.dv[key] += Δ * dO
      sums.ofKeyScaled[key] += D * q * k[key]
    }
    sums.ofQuery[query] += ofQuery
    sums.dq[query] += dq
    sums.ofQueryScaled[stretch.token * shape.heads + head] += dq * q
  }

  func bounds(_ attentionCase: AttentionCase) -> [AttentionTensor: [Double]] {
    let growth = productGrowth(attentionCase.inputs).factor
    let scale = abs(attentionCase.function.scale) * growth
    let sums = sums.withLock { $0 }
    var bounds: [AttentionTensor: [Double]] = [.o: sums.outputs]
    guard norms[.do] != nil else { return bounds }
    // Where nothing is undetermined nothing moves, however much products grow.
    func times(_ sums: [Double], _ factor: (Int) -> Double) -> [Double] {
      sums.indices.map { sums[$0] == 0 ? 0 : sums[$0] * factor($0) }
    }
    bounds[.dq] = times(sums.dq) { _ in scale }
    bounds[.dk] = times(sums.dk) { _ in scale }
    bounds[.dv] = sums.dv
    let across = across(keys: sums.ofKeyScaled, queries: sums.ofQueryScaled, heads: shape.heads)
    let (w, β) = (norms[.w]!, norms[.beta]!)
    bounds[.dbeta] = times(across) { scale * w[$0] * w[$0] }
    bounds[.dw] = times(across) { 2 * scale * β[$0] * w[$0] }
    let gateFactor = attentionCase.function.gate == .scaled ? abs(attentionCase.function.scale) : 1
    bounds[.dg] = times(self.across(keys: sums.ofKey, queries: sums.ofQuery, heads: shape.queryHeads)) { _ in
      gateFactor
    }
    return bounds
  }

  /// Σ_{j<t≤i} of what is given summed over i for each key and over j for each query: all pairs with j < t but those with i < t.
  private func across(keys: [Double], queries: [Double], heads: Int) -> [Double] {
    var across = [Double](repeating: 0, count: keys.count)
    for segment in segments {
      for head in 0..<heads {
        var sum = 0.0
        for token in segment {
          // Of equal sums nothing is left but rounding; of infinite ones nothing is known.
          across[token * heads + head] = sum.isNaN ? .infinity : max(0, sum)
          sum += keys[token * heads + head] - queries[token * heads + head]
        }
      }
    }
    return across
  }
}

/// The 2-norm of every row of so many lanes.
private func rowNorms(_ entries: [Double], lanes: Int) -> [Double] {
  stride(from: 0, to: entries.count, by: lanes).map { start in
    entries[start..<start + lanes].reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
