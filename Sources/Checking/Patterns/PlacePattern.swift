import LinearAlgebra
import PathAttention
import Problems

/// In words, which rows of a tensor are over its envelope.
///
/// Rules are tried in the order below. A rule names a set of rows, and holds if nearly all rows that are over (98 %) are in
/// it, most of the set is over (tried with 90 %, then with half), and it is not nearly everything (90 %). What
/// a rule has found, the next ones look inside.
///
/// 1. every row, or nearly every one: 90 % of all rows are over.
/// 2. heads: those in which the share of rows that are over is at least half of the largest share. If these are the first or
///    the last query head of every key/value head, or all but one of them, that is said.
/// 3. segments: all after the first; or a single one.
/// 4. tokens, counted in the segment: the first; the last; the last partial block; block edges (the first, or the last,
///    token of each block); some places of each block; some blocks, if others lie between them; from a token on; up to a token;
///    the last n.
/// 5. how many of the rows that all this leaves are over, unless all are.
/// 6. growth: the mean multiple of the envelope in 8 stretches of the segment rises (falls) with the token index, with a rank
///    correlation of at least 0.9 and to at least 4 times.
public struct PlacePattern: Sendable {
  /// What has been found, from the outside to the inside; never empty.
  public private(set) var words: [String] = []
  private let blockSize: Int
  /// The rows that the rules found so far leave.
  private var rows: [TensorRow]

  /// The pattern of rows that are over twice the envelope.
  ///
  /// - Parameters:
  ///   - layout: How the rows of the tensor lie.
  ///   - multiples: The error of every row in multiples of the envelope, token after token and head after head.
  ///   - blockSize: Rows per block of the kernel.
  /// - Precondition: There are as many multiples as rows.
  public init(_ layout: RowLayout, multiples: [Double], blockSize: Int) {
    self.init(TensorRow.rows(layout, multiples: multiples), layout, blockSize: blockSize)
  }

  /// The pattern of those of some rows that are over twice the envelope.
  init(_ rows: [TensorRow], _ layout: RowLayout, blockSize: Int) {
    self.rows = rows
    self.blockSize = blockSize
    guard rows.contains(where: \.isOver) else {
      words = ["no row alone is over the envelope; all together are"]
      return
    }
    if overFraction(rows) >= 0.9 {
      words = [rows.allSatisfy(\.isOver) ? "every row" : "nearly every row"]
    } else {
      describeHeads(layout.heads, groupSize: layout.groupSize ?? 1)
      describeSegments(isPacked: layout.isPacked)
      describeTokens()
    }
    if words.isEmpty { words = ["scattered"] }
    let over = self.rows.count(where: \.isOver)
    if over < self.rows.count { words.append("\(over) of \(self.rows.count) rows there are off") }
    describeGrowth()
  }

  /// Takes a rule if it holds, and looks inside it from now on.
  private mutating func take(_ rule: String, share: Double, _ contains: (TensorRow) -> Bool) -> Bool {
    let inside = rows.filter(contains)
    let over = rows.count(where: \.isOver)
    let overInside = inside.count(where: \.isOver)
    guard Double(overInside) >= 0.98 * Double(over), Double(overInside) >= share * Double(inside.count),
      Double(inside.count) <= 0.9 * Double(rows.count)
    else { return false }
    words.append(rule)
    rows = inside
    return true
  }

  private mutating func describeHeads(_ count: Int, groupSize: Int) {
    let shares = (0..<count).map { head in overFraction(rows.lazy.filter { $0.head == head }) }
    let heads = Set((0..<count).filter { shares[$0] >= shares.max()! / 2 })
    guard heads.count < count, rows.allSatisfy({ !$0.isOver || heads.contains($0.head) }) else { return }
    rows = rows.filter { heads.contains($0.head) }
    let boundaries: [(words: String, contains: (Int) -> Bool)] = [
      ("only the first query head of every key/value head", { $0 % groupSize == 0 }),
      ("only the last query head of every key/value head", { $0 % groupSize == groupSize - 1 }),
      ("all but the first query head of every key/value head", { $0 % groupSize != 0 }),
      ("all but the last query head of every key/value head", { $0 % groupSize != groupSize - 1 }),
    ]
    let boundary = groupSize == 1 ? nil : boundaries.first { heads == Set((0..<count).filter($0.contains)) }?.words
    words.append(boundary ?? "only \(listed("head", heads.sorted()))")
  }

  private mutating func describeSegments(isPacked: Bool) {
    let name = isPacked ? "segment" : "sequence"
    let affected = Set(rows.lazy.filter(\.isOver).map(\.segment))
    let all = Set(rows.lazy.map(\.segment))
    guard affected.count < all.count else { return }
    if let only = affected.first, affected.count == 1, all.count > 2 || only == 0 {
      rows = rows.filter { $0.segment == only }
      words.append("only \(name) \(only)")
    } else if affected == all.subtracting([0]) {
      rows = rows.filter { $0.segment > 0 }
      words.append("only \(name)s after the first")
    }
  }

  private mutating func describeTokens() {
    let B = blockSize
    let over = rows.filter(\.isOver)
    let (first, last) = (over.map(\.position).min()!, over.map(\.position).max()!)
    let places = over.map { $0.position % B }
    let (firstPlace, lastPlace) = (places.min()!, places.max()!)
    let fromEnd = over.map { $0.length - $0.position }.max()!
    let hasOneLength = Set(rows.map(\.length)).count == 1
    let blocks = Set(over.map { $0.position / B })
    // What is seen in one block says nothing of each.
    let hasBlocks = blocks.count > 1
    let isScattered = blocks.count < blocks.max()! - blocks.min()! + 1
    let rules: [(words: String, contains: (TensorRow) -> Bool)] = [
      ("only the first token of the segment", { $0.position == 0 }),
      ("only the last token of the segment", { $0.position == $0.length - 1 }),
      (
        "only the last partial block (of \(B))",
        { $0.length > B && $0.length % B != 0 && $0.position >= $0.length / B * B }
      ),
      ("only the first token of each block (of \(B))", { hasBlocks && $0.position % B == 0 }),
      ("only the last token of each block (of \(B))", { hasBlocks && $0.position % B == B - 1 }),
      (
        "only \(tokens(firstPlace, lastPlace)) of each block (of \(B), counted from 0)",
        { hasBlocks && (firstPlace...lastPlace).contains($0.position % B) }
      ),
      (
        "only \(listed("block", blocks.sorted())) (of \(B), counted from 0)",
        { isScattered && blocks.contains($0.position / B) }
      ),
      (
        "only the last \(fromEnd == 1 ? "token" : "\(fromEnd) tokens") of the segment",
        { !hasOneLength && $0.length - $0.position <= fromEnd }
      ),
      ("starts at token \(first)", { $0.position >= first }),
      ("ends after token \(last)", { $0.position <= last }),
      ("only \(tokens(first, last))", { (first...last).contains($0.position) }),
    ]
    // A rule that nearly all of its rows obey goes before one that half of them do.
    for share in [0.9, 0.5] {
      for rule in rules where take(rule.words, share: share, rule.contains) { return }
    }
  }

  private func tokens(_ first: Int, _ last: Int) -> String {
    first == last ? "token \(first)" : "tokens \(first) to \(last)"
  }

  /// Like `blocks 1, 2 and 4`.
  private func listed(_ name: String, _ numbers: [Int]) -> String {
    guard numbers.count > 1 else { return "\(name) \(numbers[0])" }
    return "\(name)s \(numbers.dropLast().map(String.init).joined(separator: ", ")) and \(numbers.last!)"
  }

  private mutating func describeGrowth() {
    let stretches = 8
    var (sums, counts) = ([Double](repeating: 0, count: stretches), [Double](repeating: 0, count: stretches))
    for row in rows where row.length >= stretches && row.multiple.isFinite {
      let stretch = row.position * stretches / row.length
      sums[stretch] += row.multiple
      counts[stretch] += 1
    }
    guard counts.allSatisfy({ $0 > 0 }) else { return }
    let means = zip(sums, counts).map { $0 / $1 }
    // Spearman's rank correlation with the stretch.
    let ranks = means.map { mean in means.count { $0 < mean } }
    let squares = ranks.enumerated().reduce(0) { $0 + ($1.element - $1.offset) * ($1.element - $1.offset) }
    let correlation = 1 - 6 * Double(squares) / Double(stretches * (stretches * stretches - 1))
    if correlation >= 0.9, means.last! >= 4 * means.first! {
      words.append("grows with the token index")
    } else if correlation <= -0.9, means.first! >= 4 * means.last! {
      words.append("falls with the token index")
    }
  }
}
