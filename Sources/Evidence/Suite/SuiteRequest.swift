import PathAttention
import Problems

/// What the suite is to be run on.
public struct SuiteRequest: Sendable {
  /// Where the drawing of problems starts.
  public var seed: UInt64
  /// When to stop.
  public var extent: Extent
  /// Sizes that all problems shall have.
  public var sizes: FixedSizes
  /// One problem to run on instead of drawn ones.
  public var replay: Problem?
  /// Whether there is to be a certificate at the sizes, too; there is none with a replay.
  public var certifies: Bool
  /// Called with the fraction of the work done.
  public var onProgress: (@Sendable (Double) -> Void)?

  /// How long the suite runs.
  public enum Extent: Sendable, Equatable {
    /// A number of problems.
    case problems(Int)
    /// Until so much time has passed; the problem at hand is finished.
    case time(Duration)
  }

  /// A request, by default for a hundred problems of any sizes.
  public init(
    seed: UInt64 = 1, extent: Extent = .problems(100), sizes: FixedSizes = FixedSizes(), replay: Problem? = nil,
    certifies: Bool = true, onProgress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.seed = seed
    self.extent = extent
    self.sizes = sizes
    self.replay = replay
    self.certifies = certifies
    self.onProgress = onProgress
  }

  /// What is to be certified: the sizes, and for those that are not fixed T = 64, K = 16, V = 2, two query heads for each
  /// key/value head, blocks of 8 and of 7.
  package var certificate: CertificateRequest? {
    guard certifies && replay == nil else { return nil }
    let heads = sizes.heads ?? sizes.queryHeads ?? 1
    return CertificateRequest(
      length: sizes.length ?? 64, queryHeads: sizes.queryHeads ?? 2 * heads, heads: heads, keyDim: sizes.keyDim ?? 16,
      valueDim: sizes.valueDim ?? 2, blockSizes: sizes.blockSize.map { [$0] } ?? [8, 7], seed: seed)
  }

  /// Checks that the exact comparison, which keeps whole tables of logits, fits into memory.
  package func validate() throws(SuiteError) {
    let space = ProblemSpace()
    let length = Double(replay?.shape.length ?? sizes.length ?? space.maximalLength)
    let heads = replay.map { $0.shape.batch * $0.shape.queryHeads } ?? 3 * (sizes.queryHeads ?? 4 * (sizes.heads ?? 2))
    let entries = length * length * Double(heads)
    guard entries <= 0x1p27 else { throw .tooLarge(logits: entries) }
  }
}

extension SuiteRequest {
  /// The largest problem that may be drawn, in every form at once and over scalars that are up to four times as large as
  /// `Double`; and the certificate.
  public var memoryEstimate: MemoryEstimate {
    let space = ProblemSpace()
    var drawn = AttentionShape(
      batch: 3, length: space.maximalLength, queryHeads: 8, heads: 2, keyDim: space.maximalDim,
      valueDim: space.maximalDim)
    var blockSize = space.maximalBlockSize
    if let replay {
      (drawn, blockSize) = (replay.shape, replay.blockSize)
    } else {
      drawn.length = sizes.length ?? drawn.length
      drawn.queryHeads = sizes.queryHeads ?? 4 * (sizes.heads ?? 2)
      drawn.heads = sizes.heads ?? sizes.queryHeads ?? drawn.heads
      drawn.keyDim = sizes.keyDim ?? drawn.keyDim
      drawn.valueDim = sizes.valueDim ?? drawn.valueDim
      blockSize = sizes.blockSize ?? blockSize
    }
    var shapes = [drawn]
    if let certificate { shapes.append(certificate.shape) }
    return shapes.reduce(.base) { sum, shape in
      let sizes = ProblemSizes(shape)
      let logits = sizes.tokens * sizes.longest * sizes.queryHeads
      return sum + MemoryEstimate(bytes: 32 * (4 * logits + 8 * sizes.all))
        + .pass(sizes, .compactWY, backward: true, scalarSize: 32)
        + .pass(sizes, .blockwise(blockSize: blockSize, levels: 3), backward: true, scalarSize: 32)
    }
  }
}

/// Why the suite could not be run.
public enum SuiteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The tables of logits of one problem have too many entries.
  case tooLarge(logits: Double)
  /// The sizes make no sense.
  case sizes(AttentionError)

  /// One line.
  public var description: String {
    switch self {
    case .tooLarge(let logits):
      "the tables of logits of one problem must have up to 2²⁷ = 1.3e8 entries (batch · query heads · length²), "
        + "found up to \(logits)"
    case .sizes(let error): error.description
    }
  }
}
