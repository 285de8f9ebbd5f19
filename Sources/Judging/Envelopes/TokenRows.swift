import NumberFormats
import Problems

/// How the rows of a tensor lie: one for every token and head, token after token, with the segments that do not see each other.
package struct TokenRows: Sendable {
  package let heads: Int
  package let segments: [Range<Int>]
  /// Numbers in a row.
  package let lanes: Int
  /// A power of two near the largest number of the tensor: relative to it, squares neither overflow nor underflow.
  package let unit: Double

  package init(_ layout: RowLayout, reference: [Double]) {
    heads = layout.heads
    lanes = layout.lanes ?? 1
    let largest = reference.reduce(0) { max($0, abs($1)) }
    unit = largest > 0 ? largest.binade : 1
    segments = layout.segments
  }

  /// The mean of what is finite over the rows of the same head and segment that are at most `distance` tokens away; 0 if
  /// nothing is. O(rows · distance).
  func neighbourMeans(of values: [Double], within distance: Int) -> [Double] {
    var means = values
    for segment in segments {
      for head in 0..<heads {
        for token in segment {
          let window = max(segment.lowerBound, token - distance)..<min(segment.upperBound, token + distance + 1)
          var (sum, count) = (0.0, 0)
          for neighbour in window where values[neighbour * heads + head].isFinite {
            sum += values[neighbour * heads + head]
            count += 1
          }
          means[token * heads + head] = sum / Double(max(1, count))
        }
      }
    }
    return means
  }

  /// The 2-norm over the lanes of each row, in units.
  package func norms(of entries: [Double]) -> [Double] { norms(entries.count) { entries[$0] / unit } }

  /// The 2-norm over the lanes of each row of a difference, in units; NaN or infinite where an entry is.
  package func norms(of entries: [Double], minus reference: [Double]) -> [Double] {
    precondition(entries.count == reference.count)
    return norms(reference.count) { (entries[$0] - reference[$0]) / unit }
  }

  /// What honest errors of each row are at least, in units: half an ulp of each entry in a format, or one rounding of an
  /// accumulator of the size of the root mean square row; √n of them after products with n terms that are not run.
  package func floors(
    of reference: [Double], _ format: NumberFormat, accumulators: NumberFormat, terms: Double = 1
  ) -> [Double] {
    let rounding = terms.squareRoot() * accumulators.unitRoundoff * rms(of: reference)
    return halfUlps(of: reference, format).map { max($0, rounding) }
  }

  /// The 2-norm over the lanes of each row of half an ulp of each entry, in units.
  private func halfUlps(of reference: [Double], _ format: NumberFormat) -> [Double] {
    norms(reference.count) { format.ulp(reference[$0]) / 2 / unit }
  }

  /// The root mean square of the rows of the reference, in units.
  private func rms(of reference: [Double]) -> Double {
    let rows = norms(of: reference)
    return (rows.reduce(0) { $0 + $1 * $1 } / Double(max(1, rows.count))).squareRoot()
  }

  private func norms(_ count: Int, _ entry: (Int) -> Double) -> [Double] {
    stride(from: 0, to: count, by: lanes).map { start in
      var sum = 0.0
      for i in start..<start + lanes {
        let x = entry(i)
        sum += x * x
      }
      return sum.squareRoot()
    }
  }
}
