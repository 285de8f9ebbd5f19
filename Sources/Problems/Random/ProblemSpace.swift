import PathAttention

/// The problems that a property is tested on. Draws reach the nasty places on purpose: length 0 and 1, one off a block
/// edge, many tiny segments, empty ones at either end, groups of one to four query heads.
public struct ProblemSpace: Sendable {
  /// The longest sequence.
  public var maximalLength = 24
  /// The largest block.
  public var maximalBlockSize = 7
  /// The most levels of blocks folded in pairs.
  public var maximalLevels = 3
  /// The most lanes of keys and of values.
  public var maximalDim = 8
  /// The families of β to draw from.
  public var beta = BetaFamily.allCases
  /// The families of w to draw from.
  public var w = WFamily.allCases
  /// The sizes of logits to draw from.
  public var logits = LogitFamily.allCases
  /// Whether problems may have a gate.
  public var gated = true
  /// Sizes that every problem has.
  public var fixed = FixedSizes()

  /// The usual space.
  public init() {}

  /// A problem.
  public func problem(using random: inout SeededGenerator) -> Problem {
    let blockSize = Int.random(in: 1...maximalBlockSize, using: &random)
    let heads = Int.random(in: 1...2, using: &random)
    var shape = AttentionShape(
      batch: 1, length: length(blockSize, &random), queryHeads: heads * Int.random(in: 1...4, using: &random),
      heads: heads, keyDim: Int.random(in: 1...maximalDim, using: &random),
      valueDim: Int.random(in: 1...maximalDim, using: &random))
    var boundaries: [Int]?
    switch Int.random(in: 0..<4, using: &random) {
    case 0: boundaries = segmentBoundaries(shape.length, &random)
    case 1: shape.batch = Int.random(in: 0...3, using: &random)
    default: break
    }
    var problem = Problem(
      shape: shape, blockSize: blockSize,
      levels: Int.random(in: 0...maximalLevels, using: &random),
      seed: UInt64.random(in: 0..<1_000_000, using: &random))
    problem.segmentBoundaries = boundaries
    problem.beta = beta.randomElement(using: &random)!
    problem.w = w.randomElement(using: &random)!
    problem.logits = logits.randomElement(using: &random)!
    problem.gate = gated && Bool.random(using: &random) ? GateFamily.allCases.randomElement(using: &random)! : nil
    problem.convention = problem.gate == nil ? .scaled : GateConvention.allCases.randomElement(using: &random)!
    fixed.apply(to: &problem)
    return problem
  }

  /// One in three at a block edge or next to one.
  private func length(_ blockSize: Int, _ random: inout SeededGenerator) -> Int {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return Int.random(in: 0...1, using: &random)
    case 1, 2:
      let edge = blockSize * Int.random(in: 1...4, using: &random)
      return min(maximalLength, max(0, edge + Int.random(in: -1...1, using: &random)))
    default: return Int.random(in: 0...maximalLength, using: &random)
    }
  }

  private func segmentBoundaries(_ length: Int, _ random: inout SeededGenerator) -> [Int] {
    let inner = (0..<Int.random(in: 0...6, using: &random)).map { _ in Int.random(in: 0...length, using: &random) }
    return [0] + inner.sorted() + [length]
  }
}

/// Sizes that are wanted in every problem; those that are nil are drawn.
public struct FixedSizes: Sendable, Equatable {
  /// Tokens of each sequence.
  public var length: Int?
  /// Lanes of q, k and w.
  public var keyDim: Int?
  /// Lanes of v.
  public var valueDim: Int?
  /// Key/value heads; with them, `queryHeads` is given too or drawn as a multiple.
  public var heads: Int?
  /// Query heads, a multiple of the key/value heads. Without those, there are as many of these.
  public var queryHeads: Int?
  /// Rows per block.
  public var blockSize: Int?

  /// Nothing fixed.
  public init() {}

  package func apply(to problem: inout Problem) {
    if let length {
      problem.segmentBoundaries = problem.segmentBoundaries.map { boundaries in
        boundaries.dropLast().map { min($0, length) } + [length]
      }
      problem.shape.length = length
    }
    problem.shape.keyDim = keyDim ?? problem.shape.keyDim
    problem.shape.valueDim = valueDim ?? problem.shape.valueDim
    problem.blockSize = blockSize ?? problem.blockSize
    switch (queryHeads, heads) {
    case (let queryHeads?, let heads):
      (problem.shape.queryHeads, problem.shape.heads) = (queryHeads, heads ?? queryHeads)
    case (nil, let heads?): (problem.shape.queryHeads, problem.shape.heads) = (heads * problem.shape.groupSize, heads)
    case (nil, nil): break
    }
  }
}
