import Evidence
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The hand-written backward passes against dual numbers over the prime field: equality.
@Suite struct ExactGradientTests {
  @Test("For every T ≤ 24 and block ≤ 7 each backward is the derivative of its forward, with gates and grouped heads")
  func everySmallShape() throws {
    for T in 0...24 {
      for gate in [nil, GateConvention.scaled, .unscaled] {
        var problem = Problem(
          shape: AttentionShape(length: T, queryHeads: 2, heads: 1, keyDim: 1 + T % 3, valueDim: 2),
          seed: UInt64(T + 1))
        problem.beta = .uniform
        problem.gate = gate.map { _ in .strong }
        problem.convention = gate ?? .scaled
        for form in [.sequentialProduct, .compactWY]
          + (1...7).map({ AttentionForm.blockwise(blockSize: $0, levels: T % 4) })
        {
          let report = try exactGradientCheck(.logits(of: form, problem), on: problem)
          #expect(report.holds, "\(report)")
        }
      }
    }
  }

  @Test(
    "On whole problems each backward is the derivative of its forward: logits alone, and attention with a formal exponential"
  )
  func wholeProblems() throws {
    let result = try checkProperty("exact gradients", count: 80, seed: 11) { problem in
      for form in problem.forms {
        for loss in [FieldLoss.logits(of: form, problem), .attention(of: form, problem)] {
          let report = try exactGradientCheck(loss, on: problem)
          if !report.holds { return "\(report)" }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("The first wrong entry of a gradient is named, and only the gradient that is wrong")
  func localisation() throws {
    let problem = try Problem(line: "B2 T9 HQ4 H2 K3 V2 block=4 beta=uniform gate=scaled.strong seed=4")
    let correct = FieldLoss.attention(of: .blockwise(blockSize: 4), problem)
    for tensor in [AttentionTensor.dq, .dk, .dv, .dw, .dbeta, .dg] {
      let size = problem.shape.count(of: tensor)
      for index in [1, size / 2, size - 1] {
        let wrong = FieldLoss(name: "wrong", evaluate: correct.evaluate) { inputs in
          var gradients = try correct.gradients(inputs)
          gradients[tensor]![index] += .one
          return gradients
        }
        let report = try exactGradientCheck(wrong, on: problem)
        #expect(report.tensors.filter { !$0.holds }.map(\.name) == [tensor.rawValue])
        let found = report.tensors.first { !$0.holds }?.worst?.place
        #expect(found == Place(index, of: tensor, in: problem.shape))
        #expect(report.description.contains("replay \(problem)"))
      }
    }
    let missing = FieldLoss(name: "no dg", evaluate: correct.evaluate) { inputs in
      var gradients = try correct.gradients(inputs)
      gradients[.dg] = nil
      return gradients
    }
    #expect(try exactGradientCheck(missing, on: problem).holds == false)
  }
}
