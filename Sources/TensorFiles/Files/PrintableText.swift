// What stands in a file that somebody else wrote must not act on the terminal, nor fill it.

extension String {
  /// On one line, with escapes for what a terminal would act on: control characters, line ends, marks that turn the
  /// direction of writing.
  package var printable: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator, .format:
        text += scalar.escaped(asASCII: true)
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  /// Text of a file as it may stand in a sentence: printable, and cut where it gets too long.
  package func excerpt(_ limit: Int = 200) -> String {
    let start = unicodeScalars.prefix(limit)
    guard start.endIndex < unicodeScalars.endIndex else { return printable }
    return String(start).printable + "… (\(unicodeScalars.count) characters)"
  }
}

extension Array<String> {
  /// Texts of a file in a list: excerpts of the first ones, and how many more there are.
  package func excerpt(_ limit: Int = 20) -> String {
    prefix(limit).map { $0.excerpt() }.joined(separator: ", ") + (count > limit ? " and \(count - limit) more" : "")
  }
}
