#if arch(x86_64)
  import LinearAlgebra
  import PathAttention
  import Testing
  import Judging
  import Problems

  /// The forms in `Double` against the sequential product in `Float80`, whose own errors are 2048 times smaller: so this
  /// bounds the errors of `Double` themselves and not only how far apart two forms are.
  @Suite struct ExtendedPrecisionTests {
    private static let space: ProblemSpace = {
      var space = ProblemSpace()
      space.maximalLength = 16
      space.maximalDim = 5
      return space
    }()

    @Test("Every form in Double is within the rounding bound of the sequential product in Float80")
    func double() throws {
      let result = try checkProperty("Double against Float80", over: Self.space, count: 60, seed: 3) { problem in
        try violation(problem, Double.self, unitRoundoff: 0x1p-53) { try problem.inputs() }
      }
      #expect(result.failure == nil, "\(result)")
    }

    @Test("The other forms in Float80 are within the rounding bound of Float80, 2048 times smaller")
    func float80() throws {
      let result = try checkProperty("Float80 against Float80", over: Self.space, count: 60, seed: 4) { problem in
        try violation(problem, Float80.self, unitRoundoff: 0x1p-64) { try extended(problem.inputs()) }
      }
      #expect(result.failure == nil, "\(result)")
    }

    /// Outputs and gradients in `S` by every form, compared with the sequential product in `Float80`.
    private func violation<S: RealScalar & BinaryFloatingPoint>(
      _ problem: Problem, _: S.Type, unitRoundoff u: Double, inputs: () throws -> AttentionInputs<S>
    ) throws -> String? {
      var execution = AttentionExecution(form: .sequentialProduct, threads: 1)
      let exact = try tensors(extended(problem.inputs()), problem, execution)
      let bound = try ErrorBound(
        problem.inputs(), problem.inputs().function(gate: problem.convention),
        outputCotangent: problem.outputCotangent(), lseCotangent: problem.lseCotangent(), unitRoundoff: u)
      for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: problem.blockSize)] as [AttentionForm] {
        execution.form = form
        for ((tensor, found), (_, expected)) in zip(try tensors(inputs(), problem, execution), exact) {
          for (index, (x, y)) in zip(found, expected).enumerated() {
            let difference = abs(Float80(x) - y)
            if !(difference <= Float80(bound.entries[tensor]!)) {
              return "\(form): entry \(index) of \(tensor) off by \(difference), bound \(bound.entries[tensor]!)"
            }
          }
        }
      }
      return nil
    }

    private func tensors<S: RealScalar>(
      _ inputs: AttentionInputs<S>, _ problem: Problem, _ execution: AttentionExecution
    ) throws -> [(AttentionTensor, [S])] {
      let outputs = try attention(inputs, inputs.function(gate: problem.convention), execution)
      let gradients = try attentionGradients(
        of: inputs, outputs: outputs, outputCotangent: problem.outputCotangent().map { S($0) },
        lseCotangent: problem.lseCotangent().map { S($0) }, execution)
      return [(.o, outputs.o.entries), (.lse, outputs.lse.entries)]
        + gradients.tensors.map { ($0.tensor, $0.entries.entries) }
    }

    /// The same numbers: every `Double` is a `Float80`.
    private func extended(_ inputs: AttentionInputs<Double>) throws -> AttentionInputs<Float80> {
      func extend(_ tensor: TokenTensor<Double>) -> [Float80] { tensor.entries.map { Float80($0) } }
      return try AttentionInputs(
        shape: inputs.shape, q: extend(inputs.q), k: extend(inputs.k), v: extend(inputs.v), w: extend(inputs.w),
        beta: extend(inputs.beta), g: inputs.g.map(extend), segmentBoundaries: boundaries(inputs))
    }

    private func boundaries(_ inputs: AttentionInputs<Double>) -> [Int]? {
      inputs.shape.batch == 1 ? [0] + inputs.segments.map(\.upperBound) : nil
    }
  }
#endif
