import Judging
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The three forms of the logits against each other, exactly, and against the definition in Double.
@Suite struct LogitTests {
  static let forms: [AttentionForm] = [.compactWY, .blockwise(blockSize: 3), .blockwise(blockSize: 64)]

  @Test("Over the prime field the three forms are equal for every T ≤ 40, block ≤ 9, d ∈ {1, 3, 8}")
  func everySmallShape() throws {
    for d in [1, 3, 8] {
      for T in 0...40 {
        let problem = Problem(
          shape: AttentionShape(length: T, queryHeads: 1, heads: 1, keyDim: d, valueDim: 1), seed: UInt64(100 * T + d))
        var exact = problem
        exact.beta = .uniform
        let inputs = try exact.exactInputs()
        let expected = try logits(inputs, AttentionFunction(scale: .one), form: .sequentialProduct)
        #expect(
          expected.isEqual(to: try logits(inputs, AttentionFunction(scale: .one), form: .compactWY)),
          "compact WY, \(exact)")
        for blockSize in 1...9 {
          exact.blockSize = blockSize
          for levels in [0, 1, 2, 6] {
            let found = try logits(
              inputs, AttentionFunction(scale: .one), form: .blockwise(blockSize: blockSize, levels: levels))
            #expect(expected.isEqual(to: found), "\(levels) levels, \(exact)")
          }
        }
      }
    }
  }

  @Test(
    "Over the prime field the forms are equal on whole problems: groups, batches, segments, gates, degenerate w and β")
  func wholeProblems() throws {
    let result = try checkProperty("exact logits", count: 400, seed: 1) { problem in
      let inputs = try problem.exactInputs()
      let scale = PrimeField(12345)
      let expected = try logits(
        inputs, AttentionFunction(scale: scale, gate: problem.convention), form: .sequentialProduct)
      for form in [AttentionForm.compactWY, .blockwise(blockSize: problem.blockSize)] {
        let found = try logits(inputs, AttentionFunction(scale: scale, gate: problem.convention), form: form)
        if !expected.isEqual(to: found) { return "\(form) differs from the sequential product" }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Logits, outputs and log-sum-exp agree with the definition written out, within the rounding bound")
  func definition() throws {
    var space = ProblemSpace()
    space.maximalLength = 16
    let result = try checkProperty("definition", over: space, count: 150, seed: 2) { problem in
      let inputs = try problem.inputs()
      let function = inputs.function(gate: problem.convention)
      let definition = Definition(inputs, function)
      let expected = definition.outputs()
      let bound = ErrorBound(inputs, function)
      for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: problem.blockSize)] as [AttentionForm] {
        let table = try logits(inputs, function, form: form)
        for (index, segment) in inputs.segments.enumerated() {
          for head in 0..<problem.shape.queryHeads {
            for i in segment {
              let row = definition.logits(query: i, head: head, in: segment)
              for (j, logit) in row.enumerated() {
                let difference = abs(table[index, head][i - segment.lowerBound, j] - logit)
                if !(difference <= bound.logit) { return "\(form): logit off by \(difference), bound \(bound.logit)" }
              }
            }
          }
        }
        let outputs = try attention(inputs, function, AttentionExecution(form: form))
        for (tensor, found, expected) in [
          (AttentionTensor.o, outputs.o.entries, expected.o), (.lse, outputs.lse.entries, expected.lse),
        ] {
          let difference = largestDifference(found, expected)
          if !(difference <= bound.entries[tensor]!) {
            return "\(form): \(tensor) off by \(difference), bound \(bound.entries[tensor]!)"
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }
}

extension LogitTable where S: Equatable {
  /// Whether all entries on and below the diagonals are equal.
  func isEqual(to other: LogitTable<S>) -> Bool {
    guard segments == other.segments, queryHeads == other.queryHeads else { return false }
    return (0..<segments).allSatisfy { segment in
      (0..<queryHeads).allSatisfy { self[segment, $0].entries == other[segment, $0].entries }
    }
  }
}

/// max |a − b|; NaN if there is one.
func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count)
  return zip(a, b).reduce(0) { largest, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN || largest.isNaN ? .nan : max(largest, difference)
  }
}
