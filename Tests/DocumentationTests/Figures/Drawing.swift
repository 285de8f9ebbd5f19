/// A picture in SVG. It has a background of its own, and colours for light and for dark surroundings.
struct Drawing {
  let width: Int
  let height: Int
  private var elements: [String] = []

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// What a shape or a text is, from which its colour follows.
  enum Role: String {
    /// Lines and text.
    case ink
    /// What stays in the background.
    case quiet
    /// What the picture is about, and its counterpart.
    case first, second
  }

  /// A box, filled if it has a role other than quiet.
  mutating func box(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ role: Role) {
    elements.append("<rect class=\"\(role)\" x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"3\"/>")
  }

  /// Text, centred unless it starts at x. A letter after `_` is a subscript.
  mutating func text(
    _ text: String, _ x: Double, _ y: Double, _ role: Role = .ink, size: Int = 15, startsHere: Bool = false
  ) {
    let anchor = startsHere ? "start" : "middle"
    elements.append(
      "<text class=\"\(role)\" x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\" text-anchor=\"\(anchor)\">"
        + Self.withSubscripts(text, size: size) + "</text>")
  }

  private static func withSubscripts(_ text: String, size: Int) -> String {
    guard let mark = text.firstIndex(of: "_") else { return text }
    let letter = text.index(after: mark)
    return text[..<mark] + "<tspan dy=\"4\" font-size=\"\(size * 3 / 4)\">\(text[letter])</tspan><tspan dy=\"-4\">"
      + withSubscripts(String(text[text.index(after: letter)...]), size: size) + "</tspan>"
  }

  /// A line, with a head at its end unless it is plain.
  mutating func arrow(
    from: (x: Double, y: Double), to: (x: Double, y: Double), _ role: Role = .ink, dashed: Bool = false,
    plain: Bool = false
  ) {
    elements.append(
      "<line class=\"\(role)\" x1=\"\(from.x)\" y1=\"\(from.y)\" x2=\"\(to.x)\" y2=\"\(to.y)\""
        + (dashed ? " stroke-dasharray=\"5 4\"" : "") + (plain ? "" : " marker-end=\"url(#\(role))\"") + "/>")
  }

  /// The file.
  func svg(_ description: String) -> String {
    let colours: [(Role, light: (line: String, fill: String), dark: (line: String, fill: String))] = [
      (.ink, ("#1f2328", "#1f2328"), ("#f0f6fc", "#f0f6fc")), (.quiet, ("#6e7781", "#f6f8fa"), ("#9198a1", "#161b22")),
      (.first, ("#0550ae", "#b6e3ff"), ("#80ccff", "#0a3069")),
      (.second, ("#953800", "#ffd8b5"), ("#ffb77c", "#762c00")),
    ]
    func style(
      _ colour: KeyPath<
        (Role, light: (line: String, fill: String), dark: (line: String, fill: String)),
        (line: String, fill: String)
      >
    ) -> String {
      colours.map { entry in
        let (role, colour) = (entry.0, entry[keyPath: colour])
        return """
          rect.\(role) { stroke: \(colour.line); fill: \(colour.fill); } line.\(role) { stroke: \(colour.line); }
          text.\(role), path.\(role) { fill: \(colour.line); }
          """
      }.joined(separator: "\n")
    }
    let heads = colours.map {
      "<marker id=\"\($0.0)\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" "
        + "orient=\"auto\"><path class=\"\($0.0)\" d=\"M0 1 L10 5 L0 9 z\"/></marker>"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" role="img" font-family="sans-serif">
      <title>\(description)</title>
      <style>
      .background { fill: #ffffff; } line { stroke-width: 1.5; }
      \(style(\.light))
      @media (prefers-color-scheme: dark) {
      .background { fill: #0d1117; }
      \(style(\.dark))
      }
      </style>
      <defs>
      \(heads.joined(separator: "\n"))
      </defs>
      <rect class="background" width="\(width)" height="\(height)"/>
      \(elements.joined(separator: "\n"))
      </svg>

      """
  }
}

/// Digits as subscripts.
func subscripted(_ number: Int) -> String {
  String(
    String(String.UnicodeScalarView(String(number).unicodeScalars.map { Unicode.Scalar($0.value - 48 + 0x2080)! })))
}
