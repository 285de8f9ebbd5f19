import Foundation

/// A chart of curves, drawn as SVG that follows the reader's light or dark colours.
///
/// Numbers are mapped linearly or by their logarithms; on a logarithmic axis only positive ones are drawn. Curves are told
/// apart by colour and by the shape of their marks.
public struct Chart: Sendable {
  /// Over the chart.
  public var title: String
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The curves, in the order of the legend.
  public var curves: [Curve]

  /// One axis.
  public struct Axis: Sendable {
    /// What is measured, with its unit.
    public var label: String
    /// Whether equal ratios are equally far apart.
    public var isLogarithmic: Bool

    /// An axis.
    public init(_ label: String, isLogarithmic: Bool = false) {
      self.label = label
      self.isLogarithmic = isLogarithmic
    }
  }

  /// One curve.
  public struct Curve: Sendable {
    /// In the legend.
    public var name: String
    /// In the order in which they are joined.
    public var points: [(x: Double, y: Double)]
    /// Whether the points are joined without marks, as for a bound or a model.
    public var isDashed: Bool
    /// The place in the legend of the curve whose colour this one has too; its own if nil.
    public var colouredAs: Int?
    /// So many points are a line of their own: marks would only blot it.
    fileprivate var hasMarks: Bool { !isDashed && points.count <= 64 }

    /// A curve.
    public init(_ name: String, _ points: [(x: Double, y: Double)], isDashed: Bool = false, colouredAs: Int? = nil) {
      self.name = name
      self.points = points
      self.isDashed = isDashed
      self.colouredAs = colouredAs
    }
  }

  /// A chart.
  public init(_ title: String, x: Axis, y: Axis, curves: [Curve]) {
    self.title = title
    self.x = x
    self.y = y
    self.curves = curves
  }

  /// The chart as an SVG document of its own, 640 wide. O(points).
  public var svg: String {
    let titleLines = Self.lines(title, length: 66)
    let frame = Frame(legendRows: curves.count, titleRows: titleLines.count)
    let drawn = curves.map { curve in
      curve.points.filter { x.canShow($0.x) && y.canShow($0.y) }
    }
    let (xs, ys) = (Ticks(x, drawn.flatMap { $0.map(\.x) }), Ticks(y, drawn.flatMap { $0.map(\.y) }))
    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (frame.left + xs.fraction(point.x) * frame.width, frame.bottom - ys.fraction(point.y) * frame.height)
    }
    var body = ["<rect class=\"paper\" width=\"640\" height=\"\(number(frame.total))\"/>"]
    for (row, words) in titleLines.enumerated() {
      body.append(
        "<text class=\"title\" x=\"\(number(frame.left))\" y=\"\(22 + 18 * row)\">\(words.escapedForXML)</text>")
    }
    for tick in xs.values {
      let at = place((tick, ys.values[0])).x
      body.append(line("grid", at, frame.top, at, frame.bottom))
      body.append(text("tick", at, frame.bottom + 17, anchor: "middle", label(tick)))
    }
    for tick in ys.values {
      let at = place((xs.values[0], tick)).y
      body.append(line("grid", frame.left, at, frame.right, at))
      body.append(text("tick", frame.left - 7, at + 4, anchor: "end", label(tick)))
    }
    body.append(text("label", (frame.left + frame.right) / 2, frame.bottom + 37, anchor: "middle", x.label))
    for (row, words) in Self.lines(y.label, length: 46).enumerated() {
      body.append(
        "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(\(16 + 13 * row) "
          + "\(number((frame.top + frame.bottom) / 2))) rotate(-90)\">\(words.escapedForXML)</text>")
    }
    for (index, (curve, points)) in zip(curves, drawn).enumerated() {
      let style = "c\((curve.colouredAs ?? index) % Self.colours.count)"
      let path = points.map(place).map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
      body.append("<polyline class=\"curve \(style)\(curve.isDashed ? " dashed" : "")\" points=\"\(path)\"/>")
      if curve.hasMarks { body += points.map(place).map { mark(index, style, $0.x, $0.y) } }
      let row = frame.legendTop + 18 * Double(index)
      body.append(
        "<polyline class=\"curve \(style)\(curve.isDashed ? " dashed" : "")\" "
          + "points=\"\(number(frame.left)),\(number(row - 4)) \(number(frame.left + 26)),\(number(row - 4))\"/>")
      if curve.hasMarks { body.append(mark(index, style, frame.left + 13, row - 4)) }
      body.append(text("tick", frame.left + 34, row, anchor: "start", curve.name))
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 \(number(frame.total))" role="img" \
      aria-label="\(title.escapedForXML)">
      <style>\(Self.style)</style>
      \(body.joined(separator: "\n"))
      </svg>

      """
  }

  // MARK: Parts

  /// Light and dark colours of equal contrast, for readers who see red and green alike.
  private static let colours = [
    ("#0b62a8", "#6cb2f0"), ("#b34700", "#f0a05a"), ("#00705a", "#4cc9a8"), ("#8a2a86", "#dd8ad8"),
    ("#6b5a00", "#d2be4a"), ("#444444", "#c4c4c4"),
  ]

  private static let style: String = {
    let light = colours.enumerated().map { ".c\($0){stroke:\($1.0);color:\($1.0)}" }
    let dark = colours.enumerated().map { ".c\($0){stroke:\($1.1);color:\($1.1)}" }
    return """
      .paper{fill:#fff}text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}\
      .grid{stroke:#888;stroke-opacity:.25}.curve{fill:none;stroke-width:1.8}.dashed{stroke-dasharray:5 4}\
      .mark{fill:currentColor}\(light.joined())\
      @media(prefers-color-scheme:dark){.paper{fill:#0d1117}text{fill:#ddd}\(dark.joined())}
      """
  }()

  private struct Frame {
    let left = 70.0
    let right = 620.0
    let top: Double
    let bottom: Double
    let legendTop: Double
    let total: Double
    var width: Double { right - left }
    var height: Double { bottom - top }

    init(legendRows: Int, titleRows: Int) {
      top = 20 + 18 * Double(titleRows)
      bottom = top + 300
      legendTop = bottom + 62
      total = legendTop + 18 * Double(legendRows) + 4
    }
  }

  /// Words in lines of about so many characters.
  private static func lines(_ text: String, length: Int) -> [String] {
    text.split(separator: " ").reduce(into: [""]) { lines, word in
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= length {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }

  private func line(_ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    "<line class=\"\(style)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
  }

  private func text(_ style: String, _ x: Double, _ y: Double, anchor: String, _ content: String) -> String {
    "<text class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">"
      + "\(content.escapedForXML)</text>"
  }

  private func mark(_ index: Int, _ colour: String, _ x: Double, _ y: Double) -> String {
    let style = "mark \(colour)"
    switch index % 4 {
    case 0: return "<circle class=\"\(style)\" cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3.2\"/>"
    case 1:
      return "<rect class=\"\(style)\" x=\"\(number(x - 3))\" y=\"\(number(y - 3))\" width=\"6\" height=\"6\"/>"
    case 2: return "<path class=\"\(style)\" d=\"M\(number(x)) \(number(y - 4)) l4 7 h-8 z\"/>"
    default: return "<path class=\"\(style)\" d=\"M\(number(x)) \(number(y - 4)) l4 4 l-4 4 l-4 -4 z\"/>"
    }
  }

  private func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func label(_ value: Double) -> String { String(format: "%.5g", value) }
}

extension Chart.Axis {
  fileprivate func canShow(_ value: Double) -> Bool { value.isFinite && (!isLogarithmic || value > 0) }
}

/// Where the ticks of an axis stand, and how numbers are mapped between the first and the last.
private struct Ticks {
  let values: [Double]
  private let axis: Chart.Axis

  init(_ axis: Chart.Axis, _ numbers: [Double]) {
    self.axis = axis
    let (low, high) = (numbers.min() ?? (axis.isLogarithmic ? 1 : 0), numbers.max() ?? 1)
    values = axis.isLogarithmic ? Self.logarithmic(low, high) : Self.linear(low, high)
  }

  /// 0 at the first tick, 1 at the last.
  func fraction(_ value: Double) -> Double {
    let map: (Double) -> Double = axis.isLogarithmic ? { log($0) } : { $0 }
    return (map(value) - map(values[0])) / (map(values.last!) - map(values[0]))
  }

  /// Steps of 1, 2 or 5 times a power of ten that enclose the numbers.
  private static func linear(_ low: Double, _ high: Double) -> [Double] {
    let span = high > low ? high - low : max(abs(high), 1)
    let power = pow(10, floor(log10(span / 5)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { span / $0 <= 6 } ?? 10 * power
    let first = floor(low / step)
    let last = max(first + 1, ceil(high / step))
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// Powers of two over few octaves, else powers of ten, that enclose the numbers.
  private static func logarithmic(_ low: Double, _ high: Double) -> [Double] {
    let base = high / low <= 256 ? 2.0 : 10.0
    let first = floor(log(low) / log(base) + 1e-9)
    let last = max(first + 1, ceil(log(high) / log(base) - 1e-9))
    let step = max(1, ((last - first) / 8).rounded(.up))
    return stride(from: first, through: last + step - 1, by: step).map { pow(base, $0) }
  }
}
