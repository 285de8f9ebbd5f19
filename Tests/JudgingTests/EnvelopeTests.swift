import Judging
import NumberFormats
import PathAttention
import Problems
import Testing

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

  /// Problems on which numbers cancel to the last digit in some orders of the same operations and not in others: projections
  /// onto what all w have in common, one key with all the weight, one key.
  static let cancelling = [
    "B1 T66 HQ2 H1 K6 V24 block=6 beta=one w=alternating logits=huge gate=unscaled.strong seed=843491",
    "B2 T4 HQ1 H1 K15 V7 block=24 beta=one w=repeated logits=huge gate=unscaled.weak seed=782809",
    "B1 T36 HQ2 H1 K4 V12 block=12 cu=0,10,13,25,26,27,35,36 beta=one w=keys logits=huge seed=428102",
    "B1 T55 HQ2 H2 K4 V15 block=1 beta=one w=repeated logits=huge gate=scaled.stepped seed=436203",
    "B1 T1 HQ3 H1 K16 V8 block=3 beta=one w=keys logits=ordinary gate=unscaled.strong seed=592137",
    "B1 T1 HQ6 H2 K15 V19 block=22 beta=zero w=keys logits=huge gate=scaled.stepped seed=399034",
  ]

  @Test("Kernels in another order than the envelope's runs do not fail where numbers cancel", arguments: cancelling)
  func cancellation(line: String) throws {
    let kernel = HonestKernel(try Problem(line: line), .f32, .float32)
    let blockSize = kernel.problem.blockSize
    for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: blockSize, levels: 0)] as [AttentionForm] {
      var profile = kernel.profile
      if form == .compactWY { profile.blockSize = kernel.problem.shape.length }
      for (tensor, multiple) in try kernel.multiples(
        of: { try Implementation(form, in: Float.self).evaluate($0) }, profile)
      {
        #expect(multiple <= Verdict.marginalMultiple, "\(form): \(tensor) is at \(multiple)")
      }
    }
  }
}

/// A problem, a profile, and what a kernel of that profile which rounds to nearest computes.
struct HonestKernel: CustomStringConvertible {
  let problem: Problem
  private(set) var profile: NumericsProfile
  let activation: NumberFormat

  init(_ problem: Problem, _ profile: NumericsProfile, _ activation: NumberFormat) {
    (self.problem, self.profile, self.activation) = (problem, profile, activation)
    self.profile.blockSize = problem.blockSize
  }

  init(using random: inout SeededGenerator) throws {
    var space = ProblemSpace()
    space.maximalLength = 90
    space.maximalBlockSize = 32
    space.maximalDim = 24
    space.beta = BetaFamily.allCases.filter { $0 != .beyond }
    let profile = NumericsProfile.shipped.randomElement(using: &random)!
    var problem = space.problem(using: &random)
    while problem.shape.tokens == 0 { problem = space.problem(using: &random) }
    let activation: NumberFormat =
      switch profile.name {
      case "fla": [.bfloat16, .float16].randomElement(using: &random)!
      case "bf16": .bfloat16
      case "f16": .float16
      case "f64": .float64
      default: .float32
      }
    self.init(problem, profile, activation)
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
    try multiples(
      of: { try $0.evaluate(blockSize: problem.blockSize, profile.nearestRounding(activation: activation)) }, profile
    )
    .values.max() ?? 0
  }

  /// The multiples of what a kernel computes, against the envelope of a profile.
  func multiples(
    of kernel: (AttentionCase) throws -> [AttentionTensor: [Double]], _ profile: NumericsProfile
  ) throws -> [AttentionTensor: Double] {
    let attentionCase = try attentionCase()
    let reference = try Implementation(.sequentialProduct).evaluate(attentionCase)
    let envelope = try Envelope(
      attentionCase, reference: reference, profile: profile, activation: activation,
      formats: reference.mapValues { _ in activation })
    return Dictionary(
      uniqueKeysWithValues: try kernel(attentionCase).map {
        ($0, envelope.multiple(of: $1, against: reference[$0]!, tensor: $0))
      })
  }
}
