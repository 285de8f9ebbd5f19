/// The timings of one run. Encoded, it is the JSON of `pathcheck bench --json`: fields are added, never renamed.
public struct BenchmarkReport: Sendable, Codable {
  /// One entry for every combination.
  public var results: [Result]
  /// The rate of plain matrix products in the same run, in operations per second, by element type.
  public var gemmRates: [String: Double]

  /// One combination.
  public struct Result: Sendable, Codable {
    /// Like `blockwise (blocks of 64)`.
    public var form: String
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
    /// The same as a fraction of the matrix-product rate.
    public var gemmFraction: Double
    /// The slope of log(time) over log(length) to the next shorter length; absent for the shortest.
    public var growthExponent: Double?
  }
}
