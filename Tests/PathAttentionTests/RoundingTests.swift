import Judging
import LinearAlgebra
import PathAttention
import Problems
import Synchronization
import Testing

/// Emulated rounding: that it is where it is said to be, and nothing else is.
@Suite struct RoundingTests {
  private func evaluate(
    _ problem: Problem, _ form: AttentionForm, threads: Int? = nil, _ rounding: EmulatedRounding
  ) throws -> [[Double]] {
    let inputs = try problem.inputs()
    let function = inputs.function(gate: problem.convention)
    let execution = AttentionExecution(form: form, threads: threads)
    let outputs = try attention(inputs, function, execution, rounding: rounding)
    let gradients = try attentionGradients(
      of: inputs, outputs: outputs, outputCotangent: problem.outputCotangent(), execution, rounding: rounding)
    return [outputs.o.entries, outputs.lse.entries] + gradients.tensors.map(\.entries.entries)
  }

  @Test("With a rounding that rounds nothing, results are those of the library within the rounding bound")
  func nothing() throws {
    let nothing = EmulatedRounding(sumLength: 3) { _, _ in }
    var space = ProblemSpace()
    space.logits = [.ordinary, .tiny, .zero]
    let result = try checkProperty("rounding nothing", over: space, count: 60, seed: 11) { problem in
      let inputs = try problem.inputs()
      let bound = ErrorBound(
        inputs, inputs.function(gate: problem.convention), outputCotangent: problem.outputCotangent())
      for form in [
        AttentionForm.compactWY, .blockwise(blockSize: problem.blockSize, levels: 0),
        .blockwise(blockSize: problem.blockSize, levels: 3),
      ] {
        let function = inputs.function(gate: problem.convention)
        let execution = AttentionExecution(form: form)
        let outputs = try attention(inputs, function, execution)
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: problem.outputCotangent(), execution)
        let plain = [(AttentionTensor.o, outputs.o), (.lse, outputs.lse)] + gradients.tensors
        for ((tensor, exact), rounded) in zip(plain, try evaluate(problem, form, nothing)) {
          let difference = largestDifference(exact.entries, rounded)
          if difference > 2 * bound.entries[tensor]! { return "\(form): \(tensor) is off by \(difference)" }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Every rounding point is met, and what is rounded there is what its name says")
  func points() throws {
    let problem = try Problem(line: "B1 T20 HQ2 H1 K4 V4 block=4 beta=uniform gate=scaled.strong seed=3")
    for levels in [0, 2] {
      let met = Mutex<Set<RoundingPoint>>([])
      _ = try evaluate(
        problem, .blockwise(blockSize: 4, levels: levels),
        EmulatedRounding(sumLength: 2) { _, point in met.withLock { _ = $0.insert(point) } })
      #expect(met.withLock { $0 } == Set(RoundingPoint.allCases))
    }
  }

  @Test("Queries are rounded as the kernel has them, without the scale")
  func unscaledQueries() throws {
    // Queries that a coarse grid holds exactly, and a scale that it does not.
    let problem = try Problem(line: "B1 T6 HQ1 H1 K3 V2 block=8 seed=3")
    let inputs = try problem.inputs()
    let coarse = try AttentionInputs(
      shape: inputs.shape, q: inputs.q.entries.map { ($0 * 8).rounded() / 8 }, k: inputs.k.entries,
      v: inputs.v.entries, w: inputs.w.entries, beta: inputs.beta.entries)
    let function = AttentionFunction(scale: 0.3)
    let execution = AttentionExecution(form: .blockwise(blockSize: 8))
    let queriesOnly = EmulatedRounding(sumLength: 64) { row, point in
      guard point == .queries else { return }
      for j in 0..<row.count { row[j] = (row[j] * 8).rounded() / 8 }
    }
    let exact = try attention(coarse, function, execution).o.entries
    #expect(
      largestDifference(exact, try attention(coarse, function, execution, rounding: queriesOnly).o.entries) < 1e-14)
    let other = try attention(inputs, function, execution)
    #expect(
      largestDifference(other.o.entries, try attention(inputs, function, execution, rounding: queriesOnly).o.entries)
        > 1e-3)
  }

  @Test("Logits are kept in the format of accumulators, with the gate in them")
  func logitsOnGrid() throws {
    let problem = try Problem(line: "B1 T20 HQ2 H1 K4 V4 block=4 cu=0,9,20 beta=uniform gate=scaled.strong seed=3")
    let sums = EmulatedRounding(sumLength: 2) { row, point in
      // The gate's own sums are not rounded, so that adding it leads off the grid.
      guard point == .accumulators else { return }
      for j in 0..<row.count { row[j] = (row[j] * 64).rounded() / 64 }
    }
    for form in [AttentionForm.compactWY, .blockwise(blockSize: 4, levels: 0)] {
      let table = try logits(
        problem.inputs(), AttentionFunction(scale: 0.5, gate: problem.convention), form: form, rounding: sums)
      for segment in 0..<table.segments {
        for head in 0..<table.queryHeads {
          let off = table[segment, head].entries.filter { $0 * 64 != ($0 * 64).rounded() }
          #expect(off.isEmpty, "\(form): \(off.count) logits of head \(head) in segment \(segment), like \(off[0])")
        }
      }
    }
  }

  @Test("Rounded results do not depend on the number of threads, bit for bit")
  func threads() throws {
    let problem = try Problem(line: "B1 T40 HQ4 H2 K5 V3 block=8 beta=uniform gate=scaled.strong seed=3")
    let rounding = NumericsProfile.bf16.stochasticRounding(activation: .bfloat16, seed: 4)
    let form = AttentionForm.blockwise(blockSize: 8, levels: 0)
    #expect(try evaluate(problem, form, threads: 1, rounding) == evaluate(problem, form, threads: 3, rounding))
  }

  @Test("The error of a sum grows with its length, by the partial sums")
  func accumulation() throws {
    // V is one everywhere and all logits are equal, so that o is a mean of ones: the only error is that of long sums.
    func error(length: Int, sumLength: Int) throws -> Double {
      let zeros = [Double](repeating: 0, count: length)
      let inputs = try AttentionInputs(
        shape: AttentionShape(length: length, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: zeros, k: zeros,
        v: zeros.map { _ in 1.1 }, w: zeros, beta: zeros)
      let squares = try (0..<20).map { seed in
        let stochastic = NumericsProfile.f32.stochasticRounding(activation: .float32, seed: UInt64(seed))
        let rounding = EmulatedRounding(
          sumLength: sumLength,
          round: { row, point in
            if point == .accumulators { stochastic.round(row, point) }
          })
        let execution = AttentionExecution(form: .blockwise(blockSize: length, levels: 0))
        let o = try attention(inputs, inputs.function(), execution, rounding: rounding).o.entries.last!
        return (o - 1.1) * (o - 1.1)
      }
      return (squares.reduce(0, +) / 20).squareRoot()
    }
    let short = try error(length: 16, sumLength: 1)
    // Partial sums of n equal terms: the squares of their ulps add up to n³, relative to a result of n: √n.
    #expect(try error(length: 256, sumLength: 1) > 2 * short)
    #expect(try error(length: 256, sumLength: 256) < short)
  }

  @Test("The sequential product has no rounding points, and says so")
  func sequential() throws {
    let problem = try Problem(line: "B1 T2 HQ1 H1 K1 V1")
    #expect(
      throws: AttentionError.option(
        name: "form", expected: "compact WY or blockwise where rounding is emulated", found: "sequential product")
    ) {
      try evaluate(problem, .sequentialProduct, EmulatedRounding(sumLength: 1) { _, _ in })
    }
  }
}
