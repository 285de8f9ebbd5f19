import PathAttention
import Problems

extension GeneratedCase {
  /// Legal inputs that implementations break on, each for a reason of its own.
  package static func adversarial(_ request: GenerationRequest) throws(GenerationError) -> [GeneratedCase] {
    let usual = AttentionShape(
      length: longestSegment(request.blockSizes), queryHeads: 4, heads: 2, keyDim: 8, valueDim: 8)
    let shape = request.sizes.shape(usual)
    func problem(_ change: (inout Problem) -> Void) -> Problem {
      var problem = Problem(shape: shape, seed: request.seed)
      problem.beta = .uniform
      change(&problem)
      return problem
    }
    func adversarial(
      _ name: String, _ purpose: String, _ problem: Problem
    ) throws(GenerationError) -> GeneratedCase {
      try named(name) { name throws(AttentionError) in
        try GeneratedCase(name, .adversarial, purpose, problem, blockSizes: request.blockSizes)
      }
    }
    return [
      try named("adversarial-offset-logits") { name throws(AttentionError) in
        try offsetLogits(name, problem { $0.beta = .uniform }, request)
      },
      try adversarial(
        "adversarial-strong-reflections",
        "β from 1.9 to 2: β‖w‖² rounds to 2 and just above, and nothing decays. Clipping β, as the paper advises, is seen; "
          + "so is every error in a far block.",
        problem { $0.beta = .nearTwo }),
      try adversarial(
        "adversarial-collinear-reflections",
        "One w with alternating sign and β near 2: W Wᵀ has rank 1 and no small entry, so M⁻¹ has entries near ±2 all over. "
          + "Inverses by a truncated series, by explicit inversion in half precision, or with a sign taken wrong are seen.",
        problem {
          $0.beta = .nearTwo
          $0.w = .alternating
        }),
      try adversarial(
        "adversarial-strong-gates",
        "Most keys are forgotten at once: steps of −20 at other tokens in every query head. Gates that are accumulated in "
          + "half precision, exponentiated one by one, or turned into 0/0 where a whole block is forgotten are seen.",
        problem { $0.gate = .stepped }),
      try named("adversarial-tiny-segments") { name throws(AttentionError) in
        var tiny = problem { $0.gate = .weak }
        tiny.shape.batch = 1
        tiny.segmentBoundaries = tinySegments(tiny.shape.length)
        return try GeneratedCase(
          name, .adversarial,
          "Packed segments of 0, 1, 2 and 3 tokens, empty ones at both ends and in a row, then one of the rest. State, gate "
            + "or gradient that crosses a boundary is seen, and offsets that assume one block at least per segment.",
          tiny, blockSizes: request.blockSizes)
      },
    ]
  }

  /// Logits around ±`offset`: exp overflows or underflows in single precision unless the maximum of the row is taken out, and
  /// in half precision the logit itself is coarse.
  ///
  /// The offset is the product of the first lanes of q and k, which are powers of two, and w has no such lane: what is
  /// carried stays exact, so that an honest kernel still has ordinary errors.
  private static func offsetLogits(
    _ name: String, _ problem: Problem, _ request: GenerationRequest
  ) throws(AttentionError) -> GeneratedCase {
    let drawn = try problem.inputs()
    let (shape, d) = (problem.shape, problem.shape.keyDim)
    func first(_ entries: [Double], _ value: (_ row: Int) -> Double) -> [Double] {
      entries.indices.map { $0 % d == 0 ? value($0 / d) : entries[$0] }
    }
    let inputs = try AttentionInputs(
      shape: shape, q: first(drawn.q.entries) { $0 % shape.queryHeads % 2 == 0 ? 16 : -16 },
      k: first(drawn.k.entries) { _ in 32 }, v: drawn.v.entries,
      w: d == 1 ? drawn.w.entries.map { _ in 0 } : normalised(first(drawn.w.entries) { _ in 0 }, lanes: d),
      beta: drawn.beta.entries)
    return GeneratedCase(
      name, .adversarial,
      "Logits around +181 in even query heads and −181 in odd ones: exp overflows, or every exponential is zero, unless the "
        + "maximum of the row is taken out first. A maximum that starts at 0, or a log-sum-exp without it, is seen.",
      AttentionCase(inputs, scale: offset / (16 * 32), outputCotangent: problem.outputCotangent()),
      blockSizes: request.blockSizes, seed: request.seed)
  }

  /// exp of it is beyond Float32 either way: the largest Float32 is exp 88.7, the smallest exp −103.3.
  private static let offset = 181.0

  private static func tinySegments(_ length: Int) -> [Int] {
    var boundaries = [0, 0]
    for size in [1, 2, 0, 0, 3, 1, 1, 2, 0, 3] {
      boundaries.append(min(length, boundaries.last! + size))
    }
    return boundaries + [length, length]
  }
}
