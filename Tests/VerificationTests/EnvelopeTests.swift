import NumberFormats
import PathAttention
import Testing
import Verification

@Suite struct EnvelopeTests {
  // MARK: No false alarms

  /// How many honest kernels are judged. The figures in Docs/Envelopes.md are from 200.
  static let honestKernels = 20

  @Test("Honest kernels, which round to nearest where their profile says, do not fail")
  func honest() throws {
    var random = SeededGenerator(seed: 2026, part: "honest kernels")
    var multiples: [Double] = []
    for _ in 0..<Self.honestKernels {
      let kernel = try HonestKernel(using: &random)
      let multiple = try kernel.multiple()
      #expect(multiple <= Verdict.marginalMultiple, "\(kernel): \(multiple)")
      multiples.append(multiple)
    }
    let marginal = multiples.count { $0 > Verdict.passMultiple }
    #expect(marginal <= 1, "\(marginal) of \(multiples.count) are marginal: \(multiples)")
  }
}

/// A problem, a profile, and what a kernel of that profile which rounds to nearest computes.
struct HonestKernel: CustomStringConvertible {
  let problem: Problem
  let profile: NumericsProfile
  let activation: NumberFormat

  init(using random: inout SeededGenerator) throws {
    var space = ProblemSpace()
    space.maximalLength = 90
    space.maximalBlockSize = 32
    space.maximalDim = 24
    space.strengths = StrengthFamily.allCases.filter { $0 != .beyond }
    var profile = NumericsProfile.shipped.randomElement(using: &random)!
    var problem = space.problem(using: &random)
    while problem.shape.tokens == 0 { problem = space.problem(using: &random) }
    self.problem = problem
    profile.blockSize = problem.blockSize
    self.profile = profile
    activation =
      switch profile.name {
      case "fla": [.bfloat16, .float16].randomElement(using: &random)!
      case "bf16": .bfloat16
      case "f16": .float16
      case "f64": .float64
      default: .float32
      }
  }

  var description: String { "\(profile.name) in \(activation), \(problem)" }

  /// The problem with inputs that the kernel can be given: q, k, v and do in its dtype, the rest in float32.
  func attentionCase() throws -> AttentionCase {
    let inputs = try problem.inputs()
    let other: NumberFormat = activation == .float64 ? .float64 : .float32
    func round(_ tensor: TokenTensor<Double>, _ format: NumberFormat) -> [Double] { tensor.entries.map(format.round) }
    return AttentionCase(
      try AttentionInputs(
        shape: inputs.shape, q: round(inputs.q, activation), k: round(inputs.k, activation),
        v: round(inputs.v, activation), w: round(inputs.w, other), beta: round(inputs.beta, other),
        g: inputs.g.map { round($0, other) }, segmentBoundaries: problem.segmentBoundaries),
      gate: problem.convention, outputCotangent: problem.outputCotangent().map(activation.round))
  }

  /// The largest multiple of its tensors.
  func multiple() throws -> Double {
    let attentionCase = try attentionCase()
    let reference = try Implementation(.sequentialProduct).evaluate(attentionCase)
    let formats = reference.mapValues { _ in activation }
    let envelope = try Envelope(
      attentionCase, reference: reference, profile: profile, activation: activation, formats: formats)
    let results = try attentionCase.evaluate(profile, profile.nearestRounding(activation: activation))
    return results.map { envelope.multiple(of: $1, against: reference[$0]!, tensor: $0) }.max() ?? 0
  }
}
