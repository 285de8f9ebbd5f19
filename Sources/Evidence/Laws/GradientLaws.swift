import Judging
import LinearAlgebra
import PathAttention

// The identities of `GradientIdentity` as laws. Each says that a sum of products of inputs and gradients vanishes; a
// gradient that is off by at most its bound moves the sum by at most that times the inputs.

/// w_t · dw_t = 2 β_t dβ_t: the derivative of the law of the length of w.
struct ReflectionScalingIdentity: LawBody {
  package let name = "w·dw = 2β dβ"
  package let statement = "w_t · dw_t = 2 β_t dβ_t at every token"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let (inputs, found) = (try trial.original.inputs(), try trial.subject.tensors(trial.original))
    let bounds = try trial.subject.bounds(trial.original)
    let residual = reflectionScalingResidual(
      inputs, dw: try TokenTensor(.dw, inputs.shape, found[.dw]!),
      dbeta: try TokenTensor(.dbeta, inputs.shape, found[.dbeta]!)
    ).entries
    let bound =
      Double(inputs.shape.keyDim) * largest(inputs.w.entries) * (bounds[.dw] ?? 0)
      + 2 * largest(inputs.beta.entries) * (bounds[.dbeta] ?? 0)
    trial.expect("w·dw − 2β dβ", residual, equals: residual.map { _ in .zero }, within: bound)
  }
}

/// Qᵀ dQ + Kᵀ dK + Wᵀ dW is symmetric: the derivative of the law of the change of basis.
struct RotationIdentity: LawBody {
  package let name = "QᵀdQ + KᵀdK + WᵀdW"
  package let statement = "Qᵀ dQ + Kᵀ dK + Wᵀ dW is symmetric for every sequence and key/value head"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let (inputs, found) = (try trial.original.inputs(), try trial.subject.tensors(trial.original))
    let bounds = try trial.subject.bounds(trial.original)
    let shape = inputs.shape
    let (dq, dk, dw) = (
      try TokenTensor(.dq, shape, found[.dq]!), try TokenTensor(.dk, shape, found[.dk]!),
      try TokenTensor(.dw, shape, found[.dw]!)
    )
    // Each entry of the residual is a difference of two sums over the tokens.
    let perToken =
      Double(shape.groupSize) * largest(inputs.q.entries) * (bounds[.dq] ?? 0)
      + largest(inputs.k.entries) * (bounds[.dk] ?? 0) + largest(inputs.w.entries) * (bounds[.dw] ?? 0)
    for segment in inputs.segments {
      for head in 0..<shape.heads {
        let residual = rotationResidual(inputs, segment: segment, head: head, dq: dq, dk: dk, dw: dw).entries
        trial.expect(
          "the antisymmetric part of QᵀdQ + KᵀdK + WᵀdW", residual, equals: residual.map { _ in .zero },
          within: 2 * Double(segment.count) * perToken)
      }
    }
  }
}

/// dw = dβ = dg = 0 at the first token of a segment: the derivative of the law of the first token.
struct SegmentStartIdentity: LawBody {
  package let name = "dw = dβ = dg = 0 at the start"
  package let statement = "dw, dβ and dg of the first token of a segment are zero"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let found = try trial.subject.tensors(trial.original)
    let bounds = try trial.subject.bounds(trial.original)
    let starts = trial.original.segments.filter { !$0.isEmpty }.map(\.lowerBound)
    for tensor in [AttentionTensor.dw, .dbeta, .dg] {
      guard let entries = found[tensor] else { continue }
      let first = trial.original.rows(entries, starts)
      trial.expect(
        "\(tensor) of the first token", first, equals: first.map { _ in .zero }, within: bounds[tensor] ?? 0)
    }
  }
}

private func largest<S: LawScalar>(_ entries: [S]) -> Double { entries.map(\.magnitude).max() ?? 0 }
