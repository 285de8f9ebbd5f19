import Judging
import NumberFormats
import PathAttention
import Problems

/// Where a tensor is over its envelope, and in what pattern.
public struct ErrorLocation: Sendable, Codable {
  /// The pattern in words, by the rules of `PlacePattern` and `ErrorShape`.
  public var pattern: [String]
  /// How many rows (token × head) are over twice the envelope.
  public var rowsOver: Int
  /// How many rows there are, without those that are not judged.
  public var rows: Int
  /// The rows that are farthest off, the worst first.
  public var worstRows: [WorstRow]
  /// The lanes with the largest shares of the squared error of the rows that are over, the worst first; empty where there are
  /// no lanes.
  public var worstLanes: [WorstLane]
  /// The share of rows that are over, by head.
  public var byHead: [Double]
  /// The share of rows that are over, by segment, of those that are not empty.
  public var bySegment: [Double]
  /// The share of rows that are over, by block, counted from the start of each segment. Blocks are of the size that the file
  /// says, or that of the profile.
  public var byBlock: [Double]
  /// The share of rows that are over, by place in the block.
  public var byPlaceInBlock: [Double]

  /// One row.
  public struct WorstRow: Sendable, Codable {
    /// Where it is.
    public var at: Place
    /// Its error in multiples of the envelope.
    public var multiple: ReportNumber
    /// The 2-norm of its error.
    public var error: ReportNumber
    /// The 2-norm of the reference.
    public var reference: ReportNumber
  }

  /// One lane.
  public struct WorstLane: Sendable, Codable {
    /// Which one.
    public var lane: Int
    /// Its share of the squared error.
    public var share: ReportNumber
  }

  /// How many rows and lanes are listed.
  package static let listed = 5

  /// - Parameters:
  ///   - unjudged: Why a row is not judged; nil for one that is.
  ///   - tokens: Those whose rows are judged; all when nil.
  package init(
    _ layout: RowLayout, candidate: [Double], reference: [Double],
    comparison: TensorEnvelope.Comparison, unjudged: [UnjudgedReason?], blockSize: Int, tokens: [Int]? = nil
  ) {
    let rows = TensorRow.rows(layout, multiples: comparison.rows, of: tokens)
      .filter { unjudged[$0.index] == nil || $0.isOver }
    let over = rows.filter(\.isOver)
    let entries = RowEntries(candidate: candidate, reference: reference, lanes: layout.lanes ?? 1)
    self.rows = rows.count
    rowsOver = over.count
    pattern =
      PlacePattern(rows, layout, blockSize: blockSize).words
      + ErrorShape(rows: over.map(\.index), candidate: candidate, reference: reference, lanes: entries.lanes).words
    worstRows = over.sorted { $0.multiple > $1.multiple }.prefix(Self.listed).map { row in
      var place = Place(row.index * entries.lanes, layout)
      place.lane = nil
      return WorstRow(
        at: place, multiple: ReportNumber(row.multiple), error: ReportNumber(entries.errorNorm(row.index)),
        reference: ReportNumber(entries.referenceNorm(row.index)))
    }
    worstLanes = entries.lanes == 1 ? [] : entries.laneShares(over).prefix(Self.listed).map { $0 }
    func fractions(_ count: Int, _ key: (TensorRow) -> Int) -> [Double] {
      var (over, all) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
      for row in rows {
        all[key(row)] += 1
        if row.isOver { over[key(row)] += 1 }
      }
      return zip(over, all).map { $1 == 0 ? 0 : $0 / $1 }
    }
    let longest = rows.map(\.length).max() ?? 0
    byHead = fractions(layout.heads, \.head)
    bySegment = fractions((rows.last?.segment ?? -1) + 1, \.segment)
    byBlock = fractions((longest + blockSize - 1) / blockSize) { $0.position / blockSize }
    byPlaceInBlock = fractions(min(longest, blockSize)) { $0.position % blockSize }
  }
}

/// The numbers of a tensor, row by row.
struct RowEntries {
  package let candidate: [Double]
  package let reference: [Double]
  package let lanes: Int

  package func candidate(_ row: Int) -> ArraySlice<Double> { candidate[row * lanes..<(row + 1) * lanes] }
  package func reference(_ row: Int) -> ArraySlice<Double> { reference[row * lanes..<(row + 1) * lanes] }
  package func error(_ row: Int) -> [Double] { zip(candidate(row), reference(row)).map { $0 - $1 } }
  func errorNorm(_ row: Int) -> Double { error(row).reduce(0) { $0 + $1 * $1 }.squareRoot() }
  func referenceNorm(_ row: Int) -> Double { reference(row).reduce(0) { $0 + $1 * $1 }.squareRoot() }

  /// The lanes by their share of the squared error, the largest first.
  func laneShares(_ rows: [TensorRow]) -> [ErrorLocation.WorstLane] {
    var squares = [Double](repeating: 0, count: lanes)
    for row in rows {
      for (lane, error) in error(row.index).enumerated() { squares[lane] += error * error }
    }
    let sum = squares.reduce(0, +)
    guard sum > 0 else { return [] }
    return squares.enumerated().sorted { $0.element > $1.element }.map {
      ErrorLocation.WorstLane(lane: $0.offset, share: ReportNumber($0.element / sum))
    }
  }
}
