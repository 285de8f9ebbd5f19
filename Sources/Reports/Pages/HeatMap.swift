import Checking
import Foundation
import Judging

/// A map of error over envelope: tokens from left to right, heads from top to bottom, sequence under sequence.
///
/// Cells of a level are one path of horizontal runs, so that the size of the drawing follows the number of changes; colours
/// are those of the page's style sheet. Worse levels are drawn later and never narrower than can be seen, so that no scaling
/// hides a single bad row.
struct HeatMap {
  package let svg: String

  init(_ map: ErrorMap, blockSize: Int) {
    let rows = map.batch * map.heads
    let rowHeight = max(4, min(16, 320 / Double(max(1, rows))))
    let (left, top, width) = (58.0, 6.0, 900.0)
    let height = rowHeight * Double(rows)
    let cell = width / Double(max(1, map.length))
    var body: [String] = []
    for level in HeatLevel.allCases {
      var path = ""
      for (number, (sequence, head)) in Self.places(map).enumerated() {
        let start = sequence * map.length * map.heads + head
        for run in level.runs(map.length, { map.multiples[start + $0 * map.heads] }) {
          let visible = level >= .marginal ? max(Double(run.count), 2 / cell) : Double(run.count)
          path += "M\(run.lowerBound) \(number)h\(coordinate(visible))"
        }
      }
      if !path.isEmpty { body.append("<path class=\"\(level)\" d=\"\(path)\"/>") }
    }
    var lines: [String] = []
    for boundary in map.boundaries {
      let sequence = Double(boundary / map.length * map.heads)
      let x = left + cell * Double(boundary % map.length)
      lines.append(
        "<line class=\"boundary\" x1=\"\(coordinate(x))\" x2=\"\(coordinate(x))\" y1=\"\(coordinate(top + rowHeight * sequence))\" "
          + "y2=\"\(coordinate(top + rowHeight * (sequence + Double(map.heads))))\"/>")
    }
    let labels = Self.places(map).enumerated().filter { rowHeight >= 11 || $0.element.head == 0 }.map { number, place in
      let y = top + rowHeight * (Double(number) + 0.5) + 4
      let name = (map.batch > 1 ? "b\(place.sequence) " : "") + "h\(place.head)"
      return "<text x=\"\(coordinate(left - 6))\" y=\"\(coordinate(y))\" text-anchor=\"end\">\(name)</text>"
    }
    let step = Self.tickStep(map.length, blockSize)
    let ticks = stride(from: 0, to: map.length, by: step).map { token in
      let x = coordinate(left + cell * Double(token))
      return "<line class=\"edge\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(coordinate(top + height))\" "
        + "y2=\"\(coordinate(top + height + 5))\"/><text x=\"\(x)\" y=\"\(coordinate(top + height + 17))\" "
        + "text-anchor=\"middle\">\(token)</text>"
    }
    svg = """
      <svg class="map" viewBox="0 0 970 \(coordinate(top + height + 22))" role="img" \
      aria-label="error over envelope of \(map.name), token by head">
      <g transform="translate(\(coordinate(left)) \(coordinate(top))) scale(\(cell) \(coordinate(rowHeight))) \
      translate(0 .5)">\(body.joined())</g>
      \((lines + labels + ticks).joined())
      </svg>
      """
  }

  private static func places(_ map: ErrorMap) -> [(sequence: Int, head: Int)] {
    (0..<map.batch).flatMap { sequence in (0..<map.heads).map { (sequence, $0) } }
  }

  /// Ticks at block edges, at most sixteen of them.
  private static func tickStep(_ length: Int, _ blockSize: Int) -> Int {
    blockSize * max(1, (length / blockSize + 15) / 16)
  }
}

/// What a multiple of the envelope means, from the best to the worst. The raw value is the name of the style.
enum HeatLevel: String, CaseIterable, Comparable {
  case unjudged
  case small
  case ordinary
  case pass
  case marginal
  case fail
  case far
  case farther

  /// The level of a multiple; nil is not judged.
  init(_ multiple: Double?) {
    guard let multiple else {
      self = .unjudged
      return
    }
    self =
      switch multiple {
      case ...0.5: .small
      case ...1: .ordinary
      case ...Verdict.passMultiple: .pass
      case ...Verdict.marginalMultiple: .marginal
      case ...16: .fail
      case ...64: .far
      default: .farther
      }
  }

  /// The longest runs of cells at this level, of so many in a row.
  package func runs(_ count: Int, _ multiple: (Int) -> Double?) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for cell in 0..<count where HeatLevel(multiple(cell)) == self {
      if let last = runs.last, last.upperBound == cell {
        runs[runs.count - 1] = last.lowerBound..<cell + 1
      } else {
        runs.append(cell..<cell + 1)
      }
    }
    return runs
  }

  /// For the legend.
  package var words: String {
    switch self {
    case .unjudged: "not judged"
    case .small: "up to ½"
    case .ordinary: "up to 1"
    case .pass: "up to \(text(Verdict.passMultiple)) (pass)"
    case .marginal: "up to \(text(Verdict.marginalMultiple)) (marginal)"
    case .fail: "up to 16"
    case .far: "up to 64"
    case .farther: "above, NaN, ∞"
    }
  }

  static func < (a: HeatLevel, b: HeatLevel) -> Bool {
    allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
  }
}

private func text(_ value: Double) -> String { String(format: "%g", value) }

private func coordinate(_ value: Double) -> String {
  let text = String(format: "%.2f", value)
  return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
}
