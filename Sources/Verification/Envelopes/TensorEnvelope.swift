import NumberFormats

/// The envelope of one tensor.
public struct TensorEnvelope: Sendable {
  /// E_r for every row, token after token and head after head; infinite where nothing can
  /// be said.
  public let rows: [Double]
  /// ‖E‖, the 2-norm over the rows in which it is finite.
  public let norm: Double
  private let layout: TokenRows
  /// max_r e_r / E_r of a run held against the others: the middle one of all runs, and at least 1.
  private let usualWorst: Double
  /// ‖e‖ / ‖E‖ of a run held against the others: the largest of all runs, and at least 1.
  private let usualWhole: Double

  /// How many more runs the neighbours count as.
  static let neighbourWeight = 4.0
  /// How many tokens on either side are neighbours.
  static let neighbourDistance = 8

  /// - Parameters:
  ///   - layout: How the rows lie.
  ///   - runs: The errors e_r of each run, at least two, in the units of the layout.
  ///   - floors: What the errors of a row are at least, likewise; nothing when nil.
  ///   - isJudged: Whether anything can be said about a row.
  init(
    rows layout: TokenRows, runs: [[Double]], floors: [Double]? = nil, isJudged: (Int) -> Bool = { _ in true }
  ) {
    self.layout = layout
    let squares = runs.map { $0.map { $0 * $0 } }
    // A run that is not finite tells only that honest kernels overflow.
    let sums = runs[0].indices.map { r in isJudged(r) ? squares.reduce(0) { $0 + $1[r] } : .infinity }

    func envelope(_ sums: [Double], runs: Int) -> [Double] {
      let means = layout.neighbourMeans(of: sums, within: Self.neighbourDistance)
      return sums.indices.map { r in
        guard sums[r].isFinite else { return .infinity }
        let square = (sums[r] + Self.neighbourWeight * means[r] / Double(runs)) / (Double(runs) + Self.neighbourWeight)
        return max(square.squareRoot(), floors?[r] ?? 0)
      }
    }
    let envelopes = envelope(sums, runs: runs.count)
    rows = envelopes.map { $0 * layout.unit }
    norm = layout.unit * Self.wholeNorm(envelopes, where: envelopes)
    var worst: [Double] = []
    var whole: [Double] = []
    for (errors, squares) in zip(runs, squares) {
      let others = envelope(
        zip(sums, squares).map { $0.isFinite ? max(0, $0 - $1) : .infinity }, runs: runs.count - 1)
      worst.append(zip(errors, others).map(Self.ratio).max() ?? 0)
      whole.append(
        Self.ratio(Self.wholeNorm(errors, where: others), Self.wholeNorm(others, where: others)))
    }
    usualWorst = max(1, worst.sorted()[worst.count / 2])
    usualWhole = max(1, whole.max()!)
  }

  /// Up to which ‖candidate − reference‖ the tensor as a whole is within a multiple.
  func norm(atMultiple multiple: Double) -> Double { multiple * usualWhole * norm }

  /// How many rows have an infinite envelope, so that nothing can be said about them.
  public var unjudgedRows: Int { rows.count { $0 == .infinity } }

  /// Holds a candidate, from entries in the order of memory, against the envelope.
  ///
  /// Edge cases: a row in which the candidate is not finite is infinitely far off; one that has an infinite envelope says
  /// nothing.
  ///
  /// - Parameters:
  ///   - candidate: The entries of the candidate, in the order of memory.
  ///   - reference: Those of the reference.
  ///   - tokens: The tokens, over the whole batch, that the entries are of; all when nil.
  public func comparison(
    of candidate: [Double], against reference: [Double], tokens: [Int]? = nil
  ) -> Comparison {
    let errors = layout.norms(of: candidate, minus: reference)
    let chosen = tokens.map { $0.flatMap { rows[$0 * layout.heads..<($0 + 1) * layout.heads] } } ?? rows
    let envelopes = chosen.map { $0 / layout.unit }
    return Comparison(
      rows: zip(errors, envelopes).map { Self.ratio($0, $1) / usualWorst },
      whole: Self.ratio(
        Self.wholeNorm(errors, where: envelopes), Self.wholeNorm(envelopes, where: envelopes)) / usualWhole)
  }

  /// A candidate in multiples of the envelope.
  public struct Comparison: Sendable {
    /// e_r / E_r for every row, divided by what the worst row is for a run.
    public let rows: [Double]
    /// ‖e‖ / ‖E‖, divided by what it is for a run.
    public let whole: Double
    /// The larger one of the worst row and the whole.
    public var multiple: Double { max(rows.max() ?? 0, whole) }
  }

  /// e / E; 0 where nothing is known of E, infinite where e is not finite and E is.
  private static func ratio(_ error: Double, _ envelope: Double) -> Double {
    if envelope == .infinity { return 0 }
    if !error.isFinite { return .infinity }
    return error == 0 ? 0 : error / envelope
  }

  /// The 2-norm over the rows that have a finite envelope.
  private static func wholeNorm(_ rows: [Double], where envelopes: [Double]) -> Double {
    zip(rows, envelopes).reduce(0) { $1.1 == .infinity ? $0 : $0 + $1.0 * $1.0 }.squareRoot()
  }
}
