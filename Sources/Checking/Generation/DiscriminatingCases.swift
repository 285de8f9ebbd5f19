import PathAttention
import Problems

extension GeneratedCase {
  /// Two cases that together tell every known variant from every other one: what shows values taken for keys wants K = V,
  /// what shows the stride of one used for the other wants K ≠ V, and each convention of the gate wants the other.
  ///
  /// - At least three blocks of every size in play, none of which divides the length, in a segment that begins inside a
  ///   block; segments shorter than every block, one of them empty.
  /// - β in runs near 0 and near 2: old keys live on, so that far blocks matter. w is correlated, half of
  ///   it shared by all tokens, so that reflections add up and yet do not commute.
  /// - A gate with steps of its own in every query head, rare ones in every second head.
  /// - Groups of query heads, lanes that are no power of two, a scale that is not the usual one.
  package static func discriminating(_ request: GenerationRequest) throws(GenerationError) -> [GeneratedCase] {
    let sizes = request.sizes
    // In fewer lanes, what passes through a whole block is buried in rounding.
    let keyDim = sizes.keyDim ?? request.blockSizes.max()! / 4 + 4
    let longest = longestSegment(request.blockSizes)
    let around = [5, 0, 2, 19]
    let leading = Array(around.dropLast())
    let total = try length("discriminating-packed", sizes, atLeast: longest + around.reduce(0, +), request.blockSizes)
    let lengths = leading + [total - around.reduce(0, +), around.last!]
    let boundaries = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }

    var (packed, plain) = (sizes, sizes)
    (packed.batch, packed.length, packed.valueDim) = (1, total, keyDim)
    plain.length = try length("discriminating-lanes", sizes, atLeast: longest, request.blockSizes)
    let usual = AttentionShape(length: longest, queryHeads: 4, heads: 2, keyDim: keyDim, valueDim: keyDim + 8)
    return [
      try named("discriminating-packed") { name throws(AttentionError) in
        try discriminating(
          name,
          "Tells known mistakes apart, with packed segments around one that is cut into three blocks or more and begins "
            + "inside a block, and K = V. The gate is scaled: taking it as unscaled is seen.",
          packed.shape(usual), boundaries, .scaled, request)
      },
      try named("discriminating-lanes") { name throws(AttentionError) in
        try discriminating(
          name,
          "Tells known mistakes apart, with K ≠ V, so that strides of keys used for values are seen. The gate is unscaled: "
            + "taking it as scaled is seen.",
          plain.shape(usual), nil, .unscaled, request)
      },
    ]
  }

  /// No default of any library.
  private static let unusualScale = 0.375

  /// Two blocks of the largest size and more than half of a third, such that no size divides it.
  static func longestSegment(_ blockSizes: [Int]) -> Int {
    var length = 2 * blockSizes.max()! + blockSizes.max()! / 2 + 11
    while blockSizes.contains(where: { length % $0 == 0 }) { length += 1 }
    return length
  }

  private static func length(
    _ name: String, _ sizes: CaseSizes, atLeast needed: Int, _ blockSizes: [Int]
  ) throws(GenerationError) -> Int {
    guard let length = sizes.length else { return needed }
    guard length >= needed else {
      throw .size(
        case: name, name: "length", expected: "at least \(needed) for three blocks of \(blockSizes.max()!)",
        found: length)
    }
    return length
  }

  private static func discriminating(
    _ name: String, _ purpose: String, _ shape: AttentionShape, _ boundaries: [Int]?, _ gate: GateConvention,
    _ request: GenerationRequest
  ) throws(AttentionError) -> GeneratedCase {
    var problem = Problem(shape: shape, seed: request.seed)
    problem.beta = .runs
    problem.segmentBoundaries = boundaries
    let drawn = try problem.inputs()
    let inputs = try AttentionInputs(
      shape: shape, q: drawn.q.entries, k: drawn.k.entries, v: drawn.v.entries, w: halfShared(drawn.w),
      beta: drawn.beta.entries, g: steppedGates(shape, gate, seed: request.seed), segmentBoundaries: boundaries)
    return GeneratedCase(
      name, .discriminating, purpose,
      AttentionCase(inputs, scale: unusualScale, gate: gate, outputCotangent: problem.outputCotangent()),
      blockSizes: request.blockSizes, seed: request.seed)
  }

  /// Unit vectors, the mean directions of random ones and the first of their head.
  private static func halfShared(_ w: TokenTensor<Double>) -> [Double] {
    let (entries, row) = (w.entries, w.matrix.columns)
    return normalised(entries.indices.map { entries[$0 % row] + entries[$0] }, lanes: w.lanes)
  }

  /// Gates that are weak between steps of 1 to 2 in the logit, every 8 tokens or so in even heads and every 64 in odd ones:
  /// there far keys still count.
  private static func steppedGates(_ shape: AttentionShape, _ gate: GateConvention, seed: UInt64) -> [Double] {
    var random = SeededGenerator(seed: seed, part: "stepped gates")
    let unit = gate == .scaled ? 1 / unusualScale : 1
    return (0..<shape.count(of: .g)).map { index in
      let chance = index % shape.queryHeads % 2 == 0 ? 1.0 / 8 : 1.0 / 64
      return unit * (random.uniform(0...1) < chance ? random.uniform(-2 ... -1) : random.uniform(-0.02...0))
    }
  }
}
