import PathAttention
import Problems

extension GeneratedCase {
  /// A case without rounding: `ExactFixture`.
  package static func exact(_ request: GenerationRequest) throws(GenerationError) -> [GeneratedCase] {
    let name = "exact-reflection-group"
    let sizes = request.sizes
    let shape = sizes.shape(
      AttentionShape(
        length: longestSegment(request.blockSizes), queryHeads: 2, heads: 1, keyDim: 8, valueDim: 3))
    guard shape.batch == 1 else {
      throw .size(case: name, name: "batch", expected: "1", found: shape.batch)
    }
    guard shape.keyDim > 0, shape.keyDim % 4 == 0 else {
      throw .size(case: name, name: "keyDim", expected: "a multiple of 4", found: shape.keyDim)
    }
    let fixture: ExactFixture
    do {
      fixture = try ExactFixture(
        length: shape.length, queryHeads: shape.queryHeads, heads: shape.heads, quadruples: shape.keyDim / 4,
        valueDim: shape.valueDim, gate: .scaled, seed: request.seed)
    } catch {
      throw .numbers(case: name, reason: "\(error)")
    }
    var attentionCase = fixture.attentionCase
    // Files have no cotangent of the log-sum-exp.
    attentionCase.lseCotangent = nil
    var exact = GeneratedCase(
      name, .exact,
      "Compare bit for bit: w from a root system, β 0 or 2 and a scale of 2048 leave nothing to round in single precision. o and "
        + "lse are exact where exact_o and exact_lse say so, in any dtype with sums in single precision; gradients are exact "
        + "where everything is in single precision.",
      attentionCase, blockSizes: request.blockSizes, seed: request.seed)
    exact.exactEntries = fixture.exactEntries.filter { $0.key == .o || $0.key == .lse }
    return [exact]
  }
}
