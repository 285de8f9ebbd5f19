import Judging
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// Computing some rows only, and cotangents that are zero in most rows.
@Suite struct ChosenQueryTests {
  private static func forms(_ problem: Problem) -> [AttentionForm] {
    [.sequentialProduct, .compactWY]
      + [0, 1, 6].map { .blockwise(blockSize: problem.blockSize, levels: $0) }
  }

  /// About a third of all tokens, drawn from the seed of the problem.
  private func chosen(_ problem: Problem) -> [Int] {
    var random = SeededGenerator(seed: problem.seed, part: "chosen")
    return (0..<problem.shape.tokens).filter { _ in random.uniform(0...1) < 0.3 }.shuffled(using: &random)
  }

  @Test("Chosen rows are those of the whole, and the others are NaN")
  func forward() throws {
    let result = try checkProperty("chosen queries", count: 200, seed: 21) { problem in
      let inputs = try problem.inputs()
      let chosen = chosen(problem)
      let isChosen = Set(chosen)
      let bound = ErrorBound(
        inputs, inputs.function(gate: problem.convention))
      let whole = try attention(
        inputs, inputs.function(gate: problem.convention), AttentionExecution(form: .sequentialProduct))
      for form in Self.forms(problem) {
        let some = try attention(
          inputs, inputs.function(gate: problem.convention), AttentionExecution(form: form), queryTokens: chosen)
        for (name, some, whole) in [(AttentionTensor.o, some.o, whole.o), (.lse, some.lse, whole.lse)] {
          for token in 0..<problem.shape.tokens {
            let (some, whole) = (Array(some.matrix.view.row(token)), Array(whole.matrix.view.row(token)))
            if !isChosen.contains(token) {
              if !some.allSatisfy(\.isNaN) { return "\(form): row \(token) of \(name) was not asked for" }
            } else if !(largestDifference(some, whole) <= bound.entries[name]!) {
              return "\(form): row \(token) of \(name) is off by \(largestDifference(some, whole))"
            }
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test(
    "Gradients for a cotangent in few rows: from those rows alone, equal in all forms, and parts add up to the whole")
  func backward() throws {
    var space = ProblemSpace()
    space.logits = [.ordinary, .tiny]
    space.beta = [.uniform, .nearTwo, .runs, .one, .two]
    let result = try checkProperty("sparse cotangents", over: space, count: 150, seed: 22) { problem in
      let inputs = try problem.inputs()
      let chosen = chosen(problem)
      let isChosen = Set(chosen)
      let whole = problem.outputCotangent()
      let row = problem.shape.queryHeads * problem.shape.valueDim
      let part = whole.enumerated().map { isChosen.contains($0 / row) ? $1 : 0 }
      let rest = zip(whole, part).map { $0 - $1 }
      let bound = ErrorBound(
        inputs, inputs.function(gate: problem.convention), outputCotangent: whole)

      func gradients(_ form: AttentionForm, _ dO: [Double], of tokens: [Int]?) throws -> AttentionGradients<Double> {
        let function = inputs.function(gate: problem.convention)
        let execution = AttentionExecution(form: form)
        let outputs = try attention(inputs, function, execution, queryTokens: tokens)
        return try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO, execution)
      }
      let expected = try gradients(.sequentialProduct, part, of: nil)
      for form in Self.forms(problem) {
        let found = try gradients(form, part, of: chosen)
        let others = try gradients(form, rest, of: nil)
        let all = try gradients(form, whole, of: nil)
        for (index, (tensor, entries)) in found.tensors.enumerated() {
          let limit = bound.entries[tensor]!
          let difference = largestDifference(entries.entries, expected.tensors[index].entries.entries)
          if !(difference <= limit) { return "\(form): \(tensor) off by \(difference), bound \(limit)" }
          let sum = zip(entries.entries, others.tensors[index].entries.entries).map { $0 + $1 }
          let remainder = largestDifference(sum, all.tensors[index].entries.entries)
          if !(remainder <= 3 * limit) { return "\(form): parts of \(tensor) do not add up: \(remainder)" }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("A cotangent for a row that was not computed is an error, and so is a token that is not there")
  func errors() throws {
    let problem = try Problem(line: "B2 T5 HQ2 H1 K3 V2 seed=1")
    let inputs = try problem.inputs()
    let outputs = try attention(inputs, queryTokens: [1, 9])
    var dO = [Double](repeating: 0, count: problem.shape.count(of: .o))
    dO[(9 * 2 + 1) * 2] = 1
    _ = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO)
    dO[(3 * 2 + 1) * 2] = 1
    #expect(throws: AttentionError.notComputed(token: 3, head: 1)) {
      try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO)
    }
    #expect(throws: AttentionError.option(name: "queryTokens", expected: "in 0 ..< 10", found: "10")) {
      try attention(inputs, queryTokens: [10])
    }
    let other = try Problem(line: "B1 T5 HQ2 H1 K3 V2 seed=1").inputs()
    #expect(throws: AttentionError.count(tensor: "o", expected: 20, found: 40)) {
      try attentionGradients(of: other, outputs: outputs, outputCotangent: [Double](repeating: 0, count: 20))
    }
  }
}
