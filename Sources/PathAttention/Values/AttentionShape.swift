/// The sizes of one attention problem.
///
/// Query head h reads key/value head h / (queryHeads / heads), rounded down.
public struct AttentionShape: Sendable, Hashable {
  /// The number of sequences, B.
  public var batch: Int
  /// Tokens per sequence, T.
  public var length: Int
  /// The number of query heads, HQ, a multiple of `heads`.
  public var queryHeads: Int
  /// The number of key/value heads, H.
  public var heads: Int
  /// The size d_k of queries, keys and w per head.
  public var keyDim: Int
  /// The size d_v of values per head.
  public var valueDim: Int

  /// A shape; checked when inputs are made with it.
  public init(batch: Int = 1, length: Int, queryHeads: Int, heads: Int, keyDim: Int, valueDim: Int) {
    self.batch = batch
    self.length = length
    self.queryHeads = queryHeads
    self.heads = heads
    self.keyDim = keyDim
    self.valueDim = valueDim
  }

  /// How many query heads share one key/value head.
  public var groupSize: Int { queryHeads / heads }

  /// All tokens of all sequences.
  public var tokens: Int { batch * length }
}
