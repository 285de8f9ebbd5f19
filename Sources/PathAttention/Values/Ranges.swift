/// 0 ..< count cut into ranges of a length, of which the last may be shorter.
func ranges(of count: Int, by length: Int) -> [Range<Int>] { ranges(0..<count, by: length) }

/// A range cut into ranges of a length, of which the last may be shorter.
func ranges(_ range: Range<Int>, by length: Int) -> [Range<Int>] {
  guard !range.isEmpty else { return [] }
  return stride(from: range.lowerBound, to: range.upperBound, by: min(length, range.count)).map {
    $0..<$0 + min(length, range.upperBound - $0)
  }
}
