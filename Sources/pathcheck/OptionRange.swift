import ArgumentParser

/// The numbers that options take. What they are used for cannot overflow.
enum OptionRange {
  /// Tokens, heads, lanes, rows: sizes of tensors.
  static let size = 1...(1 << 24)
  /// Rows per block.
  static let blockSize = 1...(1 << 20)
  /// How often something is done.
  static let count = 1...1_000_000
  static let threads = 1...1024
  static let levels = 0...48

  /// - Throws: `ValidationError` naming the option and the range.
  static func check<Number: Comparable>(_ option: String, _ value: Number?, _ range: ClosedRange<Number>) throws {
    // A NaN is in no range.
    guard let value, !range.contains(value) else { return }
    throw ValidationError("\(option) must be from \(range.lowerBound) to \(range.upperBound), found \(value)")
  }

  /// That the query heads can be shared out.
  static func check(queryHeads: Int?, heads: Int?) throws {
    guard let queryHeads, let heads, queryHeads % heads != 0 else { return }
    throw ValidationError("--query-heads must be a multiple of --heads, found \(queryHeads) and \(heads)")
  }
}
