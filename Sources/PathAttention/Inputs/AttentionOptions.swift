/// How PaTH attention is to be computed.
public struct AttentionOptions: Sendable {
  /// The factor of the logits; 1/√d_k when nil.
  public var scale: Double?
  /// How the gate enters the logits, when there is one.
  public var gate: GateConvention
  /// Which of the three forms computes the logits.
  public var form: AttentionForm
  /// Which tokens' queries are wanted, counted over the whole batch; all when nil. The rows of the others are NaN.
  /// With n of them the sequential product and the blockwise form take O(n L d).
  public var queryTokens: [Int]?
  /// How many threads to use; as many as there are cores when nil. Results do not depend on it.
  public var threads: Int?
  /// Called from any thread with the fraction of the work done, rising from 0 to 1 in each pass.
  public var onProgress: (@Sendable (Double) -> Void)?

  /// Options, each with its usual value.
  public init(
    scale: Double? = nil, gate: GateConvention = .scaled, form: AttentionForm = .blockwise(),
    queryTokens: [Int]? = nil, threads: Int? = nil, onProgress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.scale = scale
    self.gate = gate
    self.form = form
    self.queryTokens = queryTokens
    self.threads = threads
    self.onProgress = onProgress
  }
}

/// How the cumulative log forget gate c enters the logit of query i and key j. The two convert exactly:
/// g_unscaled = scale · g_scaled.
public enum GateConvention: String, CaseIterable, Sendable, Codable {
  /// scale · (c_i − c_j), as in flash-linear-attention's PaTH.
  case scaled
  /// c_i − c_j, as in the Forgetting Transformer paper.
  case unscaled
}

/// One of the three forms of PaTH attention. They compute the same logits.
public enum AttentionForm: Sendable, Hashable, CustomStringConvertible {
  /// The definition: one reflection at a time. O(L² d) time, O(L d) memory.
  case sequentialProduct
  /// All reflections of a segment at once by the UT transform. O(L² (L + d)) time, O(L²) memory.
  case compactWY
  /// Tile by tile, carrying the queries over the blocks of keys. Neighbouring blocks are folded in pairs, and these again,
  /// `levels` times, so that the carry costs little; with no levels it is the form of the paper. O(L² d) time, O(L d)
  /// memory, and half of that again for each level.
  case blockwise(blockSize: Int = 64, levels: Int = 6)

  /// The name, with the block size where there is one.
  public var description: String {
    switch self {
    case .sequentialProduct: "sequential product"
    case .compactWY: "compact WY"
    case .blockwise(let blockSize, 0): "blockwise (blocks of \(blockSize))"
    case .blockwise(let blockSize, let levels): "blockwise (blocks of \(blockSize), \(levels) levels)"
    }
  }

  func validate() throws(AttentionError) {
    guard case .blockwise(let blockSize, let levels) = self else { return }
    guard blockSize >= 1 else { throw .option(name: "blockSize", expected: "at least 1", found: "\(blockSize)") }
    guard levels >= 0 else { throw .option(name: "levels", expected: "at least 0", found: "\(levels)") }
  }
}
