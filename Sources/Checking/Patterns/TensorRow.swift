import Judging
import PathAttention
import Problems

/// Where a row of a tensor stands, and how far it is off.
struct TensorRow {
  /// The row's place in memory, counted in rows.
  package let index: Int
  package let head: Int
  /// Which of the segments that are not empty.
  package let segment: Int
  /// The token within the segment.
  package let position: Int
  /// How many tokens the segment has.
  package let length: Int
  /// In multiples of the envelope.
  package let multiple: Double

  var isOver: Bool { multiple > Verdict.passMultiple }

  /// The rows of a tensor, segment after segment.
  ///
  /// - Parameter tokens: Those whose rows are judged; all when nil.
  package static func rows(
    _ layout: RowLayout, multiples: [Double], of tokens: [Int]? = nil
  ) -> [TensorRow] {
    let heads = layout.heads
    let judged = tokens.map(Set.init)
    return layout.segments.enumerated().flatMap { number, segment in
      segment.filter { judged?.contains($0) ?? true }.flatMap { token in
        (0..<heads).map { head in
          let index = token * heads + head
          return TensorRow(
            index: index, head: head, segment: number, position: layout.firstToken + token - segment.lowerBound,
            length: layout.firstToken + segment.count, multiple: multiples[index])
        }
      }
    }
  }
}

/// The share of rows that are over the envelope.
func overFraction(_ rows: some Sequence<TensorRow>) -> Double {
  var (over, count) = (0, 0)
  for row in rows {
    count += 1
    if row.isOver { over += 1 }
  }
  return count == 0 ? 0 : Double(over) / Double(count)
}
