import Evidence
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import Testing

/// Gradient checks in floating point: dual numbers through the definition, and differences of a black box.
@Suite struct NumericGradientTests {
  @Test("Gradients of the three forms are the derivatives of the definition by dual numbers, within the rounding bound")
  func dualNumbers() throws {
    let result = try checkProperty("dual gradients", count: 50, seed: 12) { problem in
      for form in problem.forms {
        let report = try dualGradientCheck(
          Implementation(form), on: problem.attentionCase(), GradientDirections(entries: 6, random: 1),
          problem: problem.description)
        if !report.holds { return "\(report)" }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Gradients of a form are those of its own outputs by extrapolated differences")
  func differences() throws {
    let result = try checkProperty("difference gradients", count: 40, seed: 13) { problem in
      let form = problem.forms[Int(problem.seed % 3)]
      let report = try differenceGradientCheck(
        Implementation(form), on: problem.attentionCase(), GradientDirections(entries: 6, random: 1),
        problem: problem.description)
      return report.holds ? nil : "\(report)"
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Both checks see one part in 10⁶ missing from any gradient, and name the tensor")
  func smallErrors() throws {
    let problem = try Problem(line: "B1 T11 HQ2 H1 K3 V2 block=4 cu=0,1,11 beta=uniform gate=unscaled.strong seed=6")
    let correct = Implementation(.blockwise(blockSize: 4))
    for tensor in [AttentionTensor.dq, .dk, .dv, .dw, .dbeta, .dg] {
      let wrong = Implementation(name: "wrong \(tensor)") { attentionCase in
        var found = try correct.evaluate(attentionCase)
        found[tensor] = found[tensor]?.map { $0 * (1 - 1e-6) }
        return found
      }
      for report in [
        try dualGradientCheck(wrong, on: problem.attentionCase(), problem: problem.description),
        try differenceGradientCheck(wrong, on: problem.attentionCase(), problem: problem.description),
      ] {
        #expect(report.tensors.filter { !$0.holds }.map(\.name) == [tensor.rawValue], "\(report)")
        #expect(report.tensors.allSatisfy { $0.resolution.value < 1e-6 }, "\(report)")
        #expect(report.description.contains("replay \(problem), 16 entries and 2 random directions of each, seed 1"))
      }
    }
  }

  @Test("Outputs that gradients do not belong to are seen by differences; NaN in a gradient by both")
  func blackBox() throws {
    let problem = try Problem(line: "B1 T7 HQ2 H2 K2 V3 beta=uniform w=correlated seed=9")
    let scaled = Implementation(name: "other outputs") { attentionCase in
      var found = try Implementation(.compactWY).evaluate(attentionCase)
      found[.o] = found[.o]!.map { 1.001 * $0 }
      return found
    }
    #expect(try differenceGradientCheck(scaled, on: problem.attentionCase(), problem: "").holds == false)
    let nan = Implementation(name: "NaN") { attentionCase in
      var found = try Implementation(.compactWY).evaluate(attentionCase)
      found[.dw]?[5] = .nan
      return found
    }
    for report in [
      try differenceGradientCheck(nan, on: problem.attentionCase(), problem: ""),
      try dualGradientCheck(nan, on: problem.attentionCase(), problem: ""),
    ] {
      #expect(report.tensors.filter { !$0.holds }.map(\.name) == ["dw"])
    }
  }

  @Test("A black box in single precision passes by differences and fails where it is wrong")
  func singlePrecision() throws {
    let problem = try Problem(line: "B1 T12 HQ2 H1 K4 V4 beta=uniform gate=scaled.strong seed=10")
    let single = Implementation(.blockwise(blockSize: 4), in: Float.self)
    let correct = try differenceGradientCheck(single, on: problem.attentionCase(), problem: problem.description)
    #expect(correct.holds, "\(correct)")
    let wrong = Implementation(name: "half of dw") { attentionCase in
      var found = try single.evaluate(attentionCase)
      found[.dw] = found[.dw]?.map { 0.5 * $0 }
      return found
    }
    let report = try differenceGradientCheck(wrong, on: problem.attentionCase(), problem: problem.description)
    #expect(report.tensors.filter { !$0.holds }.map(\.name) == ["dw"], "\(report)")
    let dual = try dualGradientCheck(
      single, on: problem.attentionCase(), unitRoundoff: 0x1p-24, problem: problem.description)
    #expect(dual.holds, "\(dual)")
  }

  @Test("What cannot be checked is an error that says why")
  func errors() throws {
    let problem = try Problem(line: "B1 T3 HQ1 H1 K2 V2")
    var forwardOnly = try problem.attentionCase()
    forwardOnly.outputCotangent = nil
    #expect(throws: GradientCheckError.noCotangent) {
      try dualGradientCheck(Implementation(.compactWY), on: forwardOnly, problem: "")
    }
    var mismatched = try problem.attentionCase()
    mismatched.lseCotangent = [1]
    #expect(throws: GradientCheckError.count(tensor: "dlse", expected: 3, found: 1)) {
      try dualGradientCheck(Implementation(.compactWY), on: mismatched, problem: "")
    }
    for (entries, random) in [(0, 0), (-1, 2), (3, -1)] {
      #expect(throws: GradientCheckError.directions(entries: entries, random: random)) {
        try differenceGradientCheck(
          Implementation(.compactWY), on: problem.attentionCase(),
          GradientDirections(entries: entries, random: random), problem: "")
      }
    }
    let incomplete = Implementation(name: "incomplete") { attentionCase in
      var found = try Implementation(.compactWY).evaluate(attentionCase)
      found[.dw] = nil
      found[.dk]?.removeLast()
      return found
    }
    #expect(throws: ImplementationError.count(tensor: "dk", expected: 6, found: 5)) {
      try differenceGradientCheck(incomplete, on: problem.attentionCase(), problem: "")
    }
    let noWeights = Implementation(name: "no dw") { attentionCase in
      var found = try Implementation(.compactWY).evaluate(attentionCase)
      found[.dw] = nil
      return found
    }
    #expect(throws: ImplementationError.missing(tensor: "dw", implementation: "no dw")) {
      try dualGradientCheck(noWeights, on: problem.attentionCase(), problem: "")
    }
  }
}
