import Judging
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// Gradients of the three forms against each other, and against identities.
@Suite struct GradientAgreementTests {
  /// Nil if the three forms agree on every output and gradient within the rounding bound.
  private func disagreement(_ problem: Problem) throws -> String? {
    let attentionCase = try problem.attentionCase()
    let bound = ErrorBound(
      attentionCase.inputs, attentionCase.function,
      outputCotangent: attentionCase.outputCotangent!, lseCotangent: attentionCase.lseCotangent!)
    let expected = try Implementation(.sequentialProduct).evaluate(attentionCase)
    for form in problem.forms.dropFirst() {
      let found = try Implementation(form).evaluate(attentionCase)
      for (tensor, reference) in expected {
        let difference = zip(found[tensor]!, reference).map { abs($0 - $1) }.reduce(0) { $0 >= $1 ? $0 : $1 }
        if !(difference <= bound.entries[tensor]!) {
          return "\(form): \(tensor) off by \(difference), bound \(bound.entries[tensor]!)"
        }
      }
    }
    return nil
  }

  @Test("The forms agree within the rounding bound on random problems")
  func randomProblems() throws {
    let result = try checkProperty("gradient agreement", count: 300, seed: 14, disagreement)
    #expect(result.failure == nil, "\(result)")
  }

  @Test(
    "The forms agree within the rounding bound on nasty inputs",
    arguments: [
      "beta=one w=unit", "beta=one w=repeated", "beta=two w=unit", "beta=two w=repeated", "beta=two w=alternating",
      "beta=uniform w=repeated", "beta=uniform w=keys", "beta=one w=keys", "beta=runs w=correlated",
      "beta=beyond w=unit", "beta=beyond w=repeated", "beta=nearTwo w=oneHot", "beta=uniform w=shorter logits=huge",
      "beta=two w=unit logits=tiny", "beta=uniform w=unit logits=zero",
    ])
  func nastyProblems(words: String) throws {
    for rest in [
      "B1 T97 HQ4 H2 K8 V5 block=16 gate=scaled.strong", "B2 T64 HQ3 H1 K5 V8 block=32 gate=unscaled.stepped",
      "B1 T65 HQ2 H2 K16 V16 block=64",
    ] {
      let result = checkProperty(
        "gradient agreement", on: [try Problem(line: "\(rest) \(words) seed=15")], disagreement)
      #expect(result.failure == nil, "\(result)")
    }
  }

  @Test("The forms agree on a thousand segments of mixed length, empty ones and single tokens among them")
  func manySegments() throws {
    var random = SeededGenerator(seed: 16)
    let lengths = (0..<1000).map { _ in
      switch Int.random(in: 0..<4, using: &random) {
      case 0: 0
      case 1: 1
      default: Int.random(in: 2...9, using: &random)
      }
    }
    let boundaries = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }
    var problem = Problem(
      shape: AttentionShape(length: boundaries.last!, queryHeads: 2, heads: 1, keyDim: 4, valueDim: 3), blockSize: 4,
      seed: 17)
    problem.segmentBoundaries = boundaries
    problem.beta = .uniform
    problem.gate = .strong
    #expect(lengths.contains(0) && lengths.contains(1))
    #expect(try disagreement(problem) == nil)
  }

  @Test("Over the prime field the identities of the gradients hold exactly, in every form")
  func identities() throws {
    let result = try checkProperty("exact identities", count: 150, seed: 18) { problem in
      let inputs = try problem.exactInputs()
      let cotangent = problem.exactLogitCotangent(inputs)
      for form in problem.forms {
        let gradients = try logitGradients(of: inputs, cotangent: cotangent, problem.exactFunction(), form: form)
        let scaling = reflectionScalingResidual(inputs, dw: gradients.dw, dbeta: gradients.dbeta)
        if scaling.entries.contains(where: { $0 != .zero }) { return "\(form): w·dw ≠ 2 β dβ" }
        for segment in inputs.segments {
          for head in 0..<problem.shape.heads {
            let rotation = rotationResidual(
              inputs, segment: segment, head: head, dq: gradients.dq, dk: gradients.dk, dw: gradients.dw)
            if rotation.entries.contains(where: { $0 != .zero }) { return "\(form): QᵀdQ + KᵀdK + WᵀdW not symmetric" }
          }
          guard !segment.isEmpty else { continue }
          for tensor in [gradients.dw, gradients.dbeta] + (gradients.dg.map { [$0] } ?? [])
          where tensor.matrix.view.row(segment.lowerBound).contains(where: { $0 != .zero }) {
            return "\(form): a segment's first token has a gradient"
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Over the prime field gradients are linear in the cotangents of o and lse together, exactly")
  func linearity() throws {
    let result = try checkProperty("linear gradients", count: 60, seed: 19) { problem in
      let inputs = try problem.exactInputs()
      let shape = problem.shape
      var random = SeededGenerator(seed: problem.seed, part: "cotangents")
      func draw(_ tensor: AttentionTensor) -> [PrimeField] {
        (0..<shape.count(of: tensor)).map { _ in random.fieldElement() }
      }
      let (a, b) = ((draw(.do), draw(.dlse)), (draw(.do), draw(.dlse)))
      let (α, β) = (random.fieldElement(), random.fieldElement())
      func combine(_ x: [PrimeField], _ y: [PrimeField]) -> [PrimeField] { zip(x, y).map { α * $0 + β * $1 } }
      for form in problem.forms {
        let outputs = try attention(inputs, problem.exactFunction(), AttentionExecution(form: form))
        func gradients(_ dO: [PrimeField], _ dlse: [PrimeField]) throws -> [[PrimeField]] {
          try attentionGradients(
            of: inputs, outputs: outputs, outputCotangent: dO, lseCotangent: dlse,
            AttentionExecution(form: form)
          ).tensors.map(\.entries.entries)
        }
        let combined = try gradients(combine(a.0, b.0), combine(a.1, b.1))
        let expected = zip(try gradients(a.0, a.1), try gradients(b.0, b.1)).map(combine)
        if combined != expected { return "\(form)" }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }
}
