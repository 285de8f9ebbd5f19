import PathAttention
import Problems

/// The part of a problem that all variants are run on: all of it, unless that takes too long.
///
/// Whole sequences or segments are taken in order while the work lasts. If not even one fits, its leading tokens are
/// taken: o, lse and dq of them do not depend on later tokens, but the gradients of k, v, w, β and g do.
package struct VariantSubset: Sendable {
  package let attentionCase: AttentionCase
  /// The tokens that are left, b · T + t.
  package let tokens: [Int]
  /// Whether every segment is whole.
  let hasWholeSegments: Bool
  /// What was left out, in words; nil if nothing was.
  package let note: String?

  /// All of a problem.
  init(whole: AttentionCase) {
    attentionCase = whole
    tokens = Array(0..<whole.inputs.shape.tokens)
    hasWholeSegments = true
    note = nil
  }

  /// The part with at most so many logits, Σ L² · HQ.
  init(_ whole: AttentionCase, largestWork: Int) throws(AttentionError) {
    let inputs = whole.inputs
    let heads = inputs.shape.queryHeads
    func work(_ length: Int) -> Int { length * length * heads }
    guard whole.work > largestWork else {
      self = Self(whole: whole)
      return
    }
    var budget = largestWork
    var segments: [Range<Int>] = []
    for segment in inputs.segments where !segment.isEmpty && work(segment.count) <= budget {
      segments.append(segment)
      budget -= work(segment.count)
    }
    hasWholeSegments = !segments.isEmpty
    if segments.isEmpty {
      let longest = Int((Double(largestWork) / Double(heads)).squareRoot())
      segments = [inputs.segments.first { !$0.isEmpty }!.prefix(max(1, longest))]
    }
    let all = inputs.segments.count { !$0.isEmpty }
    note =
      hasWholeSegments
      ? "compared with variants on \(segments.count) of \(all) segments"
      : "compared with variants on the first \(segments[0].count) tokens"
    tokens = segments.flatMap { Array($0) }
    attentionCase = try Self.part(whole, tokens, lengths: segments.map(\.count))
  }

  /// Whether a tensor of the part can be computed from the part.
  func determines(_ tensor: AttentionTensor) -> Bool {
    switch tensor {
    case .o, .lse, .dq: true
    default: hasWholeSegments
    }
  }

  /// The rows of the tokens of this part.
  package func rows(_ tensor: AttentionTensor, _ entries: [Double], of shape: AttentionShape) -> [Double] {
    guard note != nil else { return entries }
    return Self.rows(tensor, entries, of: shape, tokens)
  }

  private static func rows(
    _ tensor: AttentionTensor, _ entries: [Double], of shape: AttentionShape, _ tokens: [Int]
  ) -> [Double] {
    let layout = shape.layout(of: tensor)
    let width = layout.heads * (layout.lanes ?? 1)
    return tokens.flatMap { entries[$0 * width..<($0 + 1) * width] }
  }

  /// Sequences of a batch stay a batch, packed segments stay packed.
  private static func part(_ whole: AttentionCase, _ tokens: [Int], lengths: [Int]) throws(AttentionError)
    -> AttentionCase
  {
    let inputs = whole.inputs
    let isPacked = inputs.isPacked
    var shape = inputs.shape
    (shape.batch, shape.length) = isPacked ? (1, tokens.count) : (lengths.count, lengths[0])
    func part(_ tensor: AttentionTensor, _ entries: [Double]) -> [Double] {
      rows(tensor, entries, of: inputs.shape, tokens)
    }
    let boundaries = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }
    return AttentionCase(
      try AttentionInputs(
        shape: shape, q: part(.q, inputs.q.entries), k: part(.k, inputs.k.entries), v: part(.v, inputs.v.entries),
        w: part(.w, inputs.w.entries), beta: part(.beta, inputs.beta.entries),
        g: inputs.g.map { part(.g, $0.entries) }, segmentBoundaries: isPacked ? boundaries : nil),
      scale: whole.function.scale, gate: whole.function.gate,
      outputCotangent: whole.outputCotangent.map { part(.do, $0) },
      lseCotangent: whole.lseCotangent.map { part(.lse, $0) })
  }
}

extension AttentionCase {
  /// How many logits there are, Σ L² · HQ.
  package var work: Int { inputs.segments.reduce(0) { $0 + $1.count * $1.count * inputs.shape.queryHeads } }
}
