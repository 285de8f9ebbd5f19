import NumberFormats
import PathAttention
import Problems

extension GeneratedCase {
  /// Cases with families of β, w, logits and gate drawn at random.
  package static func random(_ request: GenerationRequest) throws(GenerationError) -> [GeneratedCase] {
    var space = ProblemSpace()
    // Where products of reflections grow, two evaluations in Float64 may differ: there is no reference to be held against.
    space.beta.removeAll { $0 == .beyond }
    // Where rounding decides which key wins, nothing is judged. Single precision knows logits of order 10³ well enough.
    if request.elementType.format!.unitRoundoff > NumberFormat.float32.unitRoundoff {
      space.logits.removeAll { $0 == .huge }
    }
    var draws = SeededGenerator(seed: request.seed, part: "random cases")
    let shape = request.sizes.shape(
      AttentionShape(
        length: longestSegment(request.blockSizes), queryHeads: 4, heads: 2, keyDim: 12, valueDim: 20))
    var cases: [GeneratedCase] = []
    for number in 1...request.count {
      var problem = space.problem(using: &draws)
      problem.shape = shape
      problem.segmentBoundaries = nil
      problem.blockSize = request.blockSizes[0]
      cases.append(
        try named("random-\(number)") { [problem] name throws(AttentionError) in
          try GeneratedCase(
            name, .random, "Whatever was drawn. Many of these find what nobody has thought of.", problem,
            blockSizes: request.blockSizes)
        })
    }
    return cases
  }

  /// A case under a name that its errors are reported with.
  package static func named(
    _ name: String, _ make: (String) throws(AttentionError) -> GeneratedCase
  ) throws(GenerationError) -> GeneratedCase {
    do { return try make(name) } catch { throw .numbers(case: name, reason: "\(error)") }
  }
}
