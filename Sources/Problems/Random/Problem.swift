import PathAttention

/// The description of a whole PaTH problem in a few words, from which its numbers follow.
///
/// It is printed as one line and read back from it, so a failure can be replayed by whoever reads the line:
///
///     B1 T7 HQ4 H2 K3 V5 block=4 levels=2 cu=0,3,3,7 beta=runs w=repeated logits=huge gate=scaled.stepped seed=42
public struct Problem: Sendable, Hashable {
  /// The sizes.
  public var shape: AttentionShape
  /// First tokens of packed segments and the end of the last, or nil.
  public var segmentBoundaries: [Int]?
  /// Rows per block of the blockwise form.
  public var blockSize: Int
  /// How often blocks of the blockwise form are folded in pairs.
  public var levels: Int
  /// What β is like.
  public var beta: BetaFamily
  /// What w is like.
  public var w: WFamily
  /// How large the logits are.
  public var logits: LogitFamily
  /// What the gate is like, if there is one.
  public var gate: GateFamily?
  /// How the gate enters.
  public var convention: GateConvention
  /// Where the random numbers start.
  public var seed: UInt64

  /// The simplest problem of a shape.
  public init(shape: AttentionShape, blockSize: Int = 4, levels: Int = 0, seed: UInt64 = 1) {
    self.shape = shape
    self.blockSize = blockSize
    self.levels = levels
    self.seed = seed
    segmentBoundaries = nil
    beta = .one
    w = .unit
    logits = .ordinary
    gate = nil
    convention = .scaled
  }

  /// The three forms, the blockwise one in the blocks of the problem.
  public var forms: [AttentionForm] {
    [
      .sequentialProduct, .compactWY,
      .blockwise(blockSize: blockSize, levels: levels),
    ]
  }
}

/// What β is like.
public enum BetaFamily: String, CaseIterable, Sendable {
  /// 1: H projects, and cannot be undone.
  case one
  /// 0: no reflection at all.
  case zero
  /// 2: H reflects.
  case two
  /// Uniform in (0, 2).
  case uniform
  /// Uniform in (1.9, 2).
  case nearTwo
  /// Runs near 0 and runs near 2, so that some keys survive for long.
  case runs
  /// Uniform in (1.5, 2.5): products of reflections may grow.
  case beyond
}

/// What w is like.
public enum WFamily: String, CaseIterable, Sendable {
  /// Random of length 1.
  case unit
  /// The same unit vector at every token.
  case repeated
  /// One unit vector with alternating sign.
  case alternating
  /// The keys, scaled to length 1.
  case keys
  /// Slowly turning.
  case correlated
  /// Vectors of the standard basis.
  case oneHot
  /// Random, with lengths from 1/2 to 1.
  case shorter
}

/// How large the logits are.
public enum LogitFamily: String, CaseIterable, Sendable {
  /// Of order 1.
  case ordinary
  /// Of order 10³, so that the softmax picks one key.
  case huge
  /// Of order 10⁻⁶.
  case tiny
  /// Queries are zero, so that all logits are.
  case zero
}

/// What the log forget gate is like.
public enum GateFamily: String, CaseIterable, Sendable {
  /// In (−0.01, 0).
  case weak
  /// In (−1.2, 0): forget gates in (0.3, 1).
  case strong
  /// Mostly 0, with sudden steps to −20 at different tokens for each query head.
  case stepped
}
