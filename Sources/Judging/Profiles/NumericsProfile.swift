import NumberFormats
import PathAttention
import Problems

/// Where a kernel rounds, and to what: what an honest implementation may lose.
///
/// As JSON, every key but `blockSize`, `points` and `note` is needed:
///
///     {"name": "mine", "note": "keeps P in float32", "blockSize": 64, "sumLength": 16,
///      "operands": "activation", "sums": "float32", "results": "activation",
///      "points": {"weights": "float32", "lse": "float32", "gramReflections": "float32"}}
///
/// Formats are those of `NumberFormat`, or `activation`, the coarsest format that q, k, v and do are stored in. Points are those
/// of `RoundingPoint`; they go before `operands`, `sums` and `results`.
public struct NumericsProfile: Sendable, Hashable {
  /// What reports call it.
  public var name: String
  /// What it stands for, in a sentence.
  public var note: String?
  /// Rows per block, if every kernel of the profile has the same. There is one level of blocks.
  public var blockSize: Int?
  /// How many terms of a sum are added between two roundings of the accumulator.
  public var sumLength: Int
  /// The format of operands of products.
  public var operands: ProfileFormat
  /// The format of accumulators, of sums over a row, and of the cumulative sums of the gate.
  public var sums: ProfileFormat
  /// The format that outputs and gradients are written in.
  public var results: ProfileFormat
  /// The points that are different.
  public var points: [RoundingPoint: ProfileFormat]

  /// A profile, which may be out of range; `validate` tells.
  public init(
    name: String, note: String? = nil, blockSize: Int? = nil, sumLength: Int, operands: ProfileFormat,
    sums: ProfileFormat,
    results: ProfileFormat, points: [RoundingPoint: ProfileFormat] = [:]
  ) {
    self.name = name
    self.note = note
    self.blockSize = blockSize
    self.sumLength = sumLength
    self.operands = operands
    self.sums = sums
    self.results = results
    self.points = points
  }

  /// The format at a point.
  public func format(at point: RoundingPoint, activation: NumberFormat) -> NumberFormat {
    let format = points[point] ?? (point.isSum ? sums : point.isResult ? results : operands)
    switch format {
    case .activation: return activation
    case .format(let format): return format
    }
  }

  /// The reference as a kernel of this profile computes it, one run of many: every rounding goes up or down at random.
  ///
  /// At one point, equal numbers are rounded alike, as a kernel does. Between points they are not: kernels that differ in the
  /// order of a sum do not agree on it, and do not cancel where this text would.
  public func stochasticRounding(activation: NumberFormat, seed: UInt64) -> EmulatedRounding {
    let seeds = Dictionary(
      uniqueKeysWithValues: RoundingPoint.allCases.map { point in
        var random = SeededGenerator(seed: seed, part: point.rawValue)
        return (point, random.next())
      })
    return rounding(activation) { format, row, point in format.roundStochastically(row, seed: seeds[point]!) }
  }

  /// So many runs, with one seed for all.
  ///
  /// - Parameter part: What is run, which gives it random numbers of its own.
  package func stochasticRoundings(
    _ runs: Int, activation: NumberFormat, seed: UInt64, part: String
  ) -> [EmulatedRounding] {
    var random = SeededGenerator(seed: seed, part: part)
    return (0..<runs).map { _ in stochasticRounding(activation: activation, seed: random.next()) }
  }

  /// The reference as a kernel of this profile computes it that rounds to nearest, ties to even.
  public func nearestRounding(activation: NumberFormat) -> EmulatedRounding {
    rounding(activation) { format, row, _ in
      for j in 0..<row.count { row[j] = format.round(row[j]) }
    }
  }

  private func rounding(
    _ activation: NumberFormat,
    _ round: @escaping @Sendable (NumberFormat, UnsafeMutableBufferPointer<Double>, RoundingPoint) -> Void
  ) -> EmulatedRounding {
    let formats = Dictionary(
      uniqueKeysWithValues: RoundingPoint.allCases.map { ($0, format(at: $0, activation: activation)) })
    return EmulatedRounding(sumLength: sumLength) { row, point in round(formats[point]!, row, point) }
  }
}

/// The format at a point of a profile.
public enum ProfileFormat: Sendable, Hashable {
  /// The coarsest format that q, k, v and do are stored in: what a kernel calls its dtype.
  case activation
  /// A fixed one.
  case format(NumberFormat)
}

extension RoundingPoint {
  /// Whether sums are kept there.
  fileprivate var isSum: Bool { [.accumulators, .rowSums, .gateSums].contains(self) }

  /// Whether something is written there.
  fileprivate var isResult: Bool { AttentionTensor(rawValue: rawValue) != nil }
}
