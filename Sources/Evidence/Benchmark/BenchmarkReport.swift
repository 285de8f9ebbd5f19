import PathAttention

/// The timings of one run. Encoded, it is the JSON of `pathcheck bench --json`: fields are added, never renamed.
public struct BenchmarkReport: Sendable, Codable {
  /// One entry for every combination.
  public var results: [Result]

  /// One combination.
  public struct Result: Sendable, Codable {
    /// `sequential`, `wy` or `blockwise`.
    public var form: String
    /// Rows per block of the blockwise form.
    public var blockSize: Int?
    /// How many times the blockwise form folds neighbouring blocks.
    public var levels: Int?
    /// What was timed.
    public var pass: BenchmarkPass
    /// The scalar type.
    public var dtype: BenchmarkElementType
    /// Tokens.
    public var length: Int
    /// Query heads.
    public var queryHeads: Int
    /// Key/value heads.
    public var heads: Int
    /// Lanes.
    public var headDim: Int
    /// Threads.
    public var threads: Int
    /// The median of the timed runs.
    public var medianSeconds: Double
    /// The largest resident size of the process during the runs, inputs included; 0 where it cannot be measured.
    public var peakBytes: Int
    /// The operations that plain causal attention needs, in 10⁹ per second.
    public var gflops: Double
    /// The rate of plain matrix products between the timed runs, in 10⁹ operations per second.
    public var gemmGflops: Double
    /// The one as a fraction of the other.
    public var gemmFraction: Double
    /// The slope of log(time) over log(length) to the next shorter length; absent for the shortest.
    public var growthExponent: Double?

    package init(
      form: AttentionForm, pass: BenchmarkPass, dtype: BenchmarkElementType, length: Int, queryHeads: Int, heads: Int,
      headDim: Int, threads: Int, medianSeconds: Double, peakBytes: Int, gflops: Double, gemmGflops: Double,
      gemmFraction: Double
    ) {
      switch form {
      case .sequentialProduct: self.form = "sequential"
      case .compactWY: self.form = "wy"
      case .blockwise(let blockSize, let levels):
        self.form = "blockwise"
        self.blockSize = blockSize
        self.levels = levels
      }
      self.pass = pass
      self.dtype = dtype
      self.length = length
      self.queryHeads = queryHeads
      self.heads = heads
      self.headDim = headDim
      self.threads = threads
      self.medianSeconds = medianSeconds
      self.peakBytes = peakBytes
      self.gflops = gflops
      self.gemmGflops = gemmGflops
      self.gemmFraction = gemmFraction
    }
  }
}
