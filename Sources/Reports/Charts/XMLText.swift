extension String {
  /// The text as it may stand in XML and HTML: characters that mean something there as entities, and a replacement character
  /// for those that may not stand there at all. Scalar by scalar, because a combining mark makes another `Character` of a <.
  var escapedForXML: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "\t", "\n", "\r", " "...: text.unicodeScalars.append(scalar.value & 0xFFFE == 0xFFFE ? "\u{FFFD}" : scalar)
      default: text += "\u{FFFD}"
      }
    }
  }
}
