/// The envelope of one tensor.
public struct TensorEnvelope: Sendable {
  /// E_r for every row, token after token and head after head; infinite where honest kernels overflow.
  public let rows: [Double]
  /// Why a row is not judged; nil for a row that is.
  public let unjudged: [UnjudgedReason?]
  /// ‖E‖, the 2-norm over the rows that are judged.
  public let norm: Double
  private let layout: TokenRows
  /// Whether every run is finite in a row.
  private let isFinite: [Bool]
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
  ///   - samples: The errors e_r of each run, in the units of the layout: for each kind of kernel in question at least two.
  ///     The envelope is the largest of those of the kinds.
  ///   - floors: What the errors of a row are at least, likewise; nothing when nil.
  ///   - uncertainty: What else honest kernels may be off by in a row, and the size of the row, likewise.
  package init(
    rows layout: TokenRows, samples: [[[Double]]], floors: [Double]? = nil,
    uncertainty: (bounds: [Double], sizes: [Double])? = nil
  ) {
    self.layout = layout
    let count = samples[0][0].count
    let bounds = uncertainty?.bounds ?? [Double](repeating: 0, count: count)
    isFinite = (0..<count).map { r in samples.allSatisfy { $0.allSatisfy { $0[r].isFinite } } }
    let squares = samples.map { $0.map { $0.map { $0 * $0 } } }
    let sums = squares.map { runs in (0..<count).map { r in runs.reduce(0) { $0 + $1[r] } } }

    /// The envelope by one kind of kernel, from sums over its runs.
    func sampled(_ sums: [Double], runs: Int) -> [Double] {
      // What rounding decides in one row says nothing about the next one.
      let first = sums.indices.map { Double(runs) * bounds[$0] * bounds[$0] > sums[$0] ? .infinity : sums[$0] }
      let means = layout.neighbourMeans(of: first, within: Self.neighbourDistance)
      return sums.indices.map { r in
        guard sums[r].isFinite else { return .infinity }
        return ((sums[r] + Self.neighbourWeight * means[r] / Double(runs)) / (Double(runs) + Self.neighbourWeight))
          .squareRoot()
      }
    }
    func withFloors(_ sampled: [Double]) -> [Double] {
      guard let floors else { return sampled }
      return zip(sampled, floors).map { max($0, $1) }
    }
    let kinds = samples.indices.map { sampled(sums[$0], runs: samples[$0].count) }
    let first = withFloors(Self.largest(kinds))
    let isJudged: [Bool] = (0..<count).map { r in
      // Up to here a row of zeros would be within the envelope, or one of twice the size.
      first[r].isFinite && !(bounds[r] > first[r] && 2 * bounds[r] >= uncertainty!.sizes[r])
    }
    unjudged = (0..<count).map { r in isJudged[r] ? nil : first[r].isFinite ? .weights : .overflow }
    let envelopes = zip(first, bounds).map { ($0 * $0 + $1 * $1).squareRoot() }
    rows = envelopes.map { $0 * layout.unit }
    norm = layout.unit * Self.wholeNorm(envelopes, where: isJudged)

    var worst: [Double] = []
    var whole: [Double] = []
    for kind in samples.indices {
      for (errors, squares) in zip(samples[kind], squares[kind]) {
        let without = zip(sums[kind], squares).map { $0.isFinite ? max(0, $0 - $1) : .infinity }
        var others = kinds
        others[kind] = sampled(without, runs: samples[kind].count - 1)
        let envelopes = withFloors(Self.largest(others))
        worst.append((0..<count).map { isJudged[$0] ? Self.ratio(errors[$0], envelopes[$0]) : 0 }.max() ?? 0)
        whole.append(
          Self.ratio(Self.wholeNorm(errors, where: isJudged), Self.wholeNorm(envelopes, where: isJudged)))
      }
    }
    usualWorst = max(1, worst.sorted()[worst.count / 2])
    usualWhole = max(1, whole.max()!)
  }

  /// Up to which ‖candidate − reference‖ the tensor as a whole is within a multiple.
  package func norm(atMultiple multiple: Double) -> Double { multiple * usualWhole * norm }

  /// Holds a candidate, from entries in the order of memory, against the envelope.
  ///
  /// Edge cases: a row in which the candidate is not finite, and some run is, is infinitely far off; otherwise nothing is said
  /// of a row in which honest kernels overflow. A row in which rounding decides is held against how far that may go, but does
  /// not count for the whole.
  ///
  /// - Parameters:
  ///   - candidate: The entries of the candidate, in the order of memory.
  ///   - reference: Those of the reference.
  ///   - tokens: The tokens, over the whole batch, that the entries are of; all when nil.
  public func comparison(
    of candidate: [Double], against reference: [Double], tokens: [Int]? = nil
  ) -> Comparison {
    let errors = layout.norms(of: candidate, minus: reference)
    let chosen = tokens.map { $0.flatMap { $0 * layout.heads..<($0 + 1) * layout.heads } } ?? Array(rows.indices)
    let envelopes = chosen.map { rows[$0] / layout.unit }
    let isJudged = chosen.map { unjudged[$0] == nil }
    return Comparison(
      rows: zip(errors, zip(chosen, envelopes)).map { error, row in
        if !error.isFinite, isFinite[row.0] { return .infinity }
        return Self.ratio(error, row.1) / usualWorst
      },
      whole: Self.ratio(Self.wholeNorm(errors, where: isJudged), Self.wholeNorm(envelopes, where: isJudged))
        / usualWhole)
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

  private static func largest(_ envelopes: [[Double]]) -> [Double] {
    envelopes.dropFirst().reduce(envelopes[0]) { zip($0, $1).map { max($0, $1) } }
  }

  /// The 2-norm over some rows.
  private static func wholeNorm(_ rows: [Double], where isJudged: [Bool]) -> Double {
    zip(rows, isJudged).reduce(0) { $1.1 ? $0 + $1.0 * $1.0 : $0 }.squareRoot()
  }
}

/// Why nothing can be said about a row.
public enum UnjudgedReason: String, Sendable, Codable, CaseIterable {
  /// An honest kernel overflows there.
  case overflow
  /// Rounding decides which keys are attended to.
  case weights
  /// The reference itself is not known well enough.
  case baseline

  /// In words, after "rows are not judged:".
  package func words(profile: String) -> String {
    switch self {
    case .overflow: "a kernel that rounds as profile \(profile) says overflows there"
    case .weights:
      "rounding as profile \(profile) says changes logits there by so much that it decides which keys are attended to"
    case .baseline: "two evaluations of the reference in Float64 are too far apart there"
    }
  }
}
