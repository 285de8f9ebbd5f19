/// A number of a page that no other test compares with what the library computes: a definition, an example's shape, a
/// citation, or a measurement that was made elsewhere.
struct StatedNumber {
  /// The page and the heading that it stands under, like `README.md [Check a kernel]`.
  let section: String
  /// Its line, from 0.
  let line: Int
  /// Its digits as they are written, with the points and commas between them.
  let digits: String
}

extension Page {
  /// All numbers of the page but those that are generated, compiled or printed by a command that is always run.
  ///
  /// - Throws: `UnreadableMark`.
  func statedNumbers() throws -> [StatedNumber] {
    let printed = try commands().filter { $0.isRun && $0.modules.isEmpty }.compactMap { $0.output?.lines }
    let compiled = fences.filter { $0.language == "swift" }.map(\.lines)
    let fenced = fences.map(\.lines)
    var section = ""
    return writtenLines.flatMap { index, line -> [StatedNumber] in
      if line.hasPrefix("#"), !fenced.contains(where: { $0.contains(index) }) {
        section = String(line.drop { $0 == "#" || $0 == " " })
      }
      guard !(printed + compiled).contains(where: { $0.contains(index) }) else { return [] }
      return line.matches(of: /\p{N}([\p{N}.,]*\p{N})?/).map {
        StatedNumber(section: "\(path) [\(section)]", line: index, digits: String($0.output.0))
      }
    }
  }
}

extension StatedNumber {
  /// Numbers as they are kept: one line for every section. Changing a number in a page takes a second change there, which a
  /// reviewer sees.
  static func list(_ numbers: [StatedNumber]) -> String {
    var text = ""
    for (index, number) in numbers.enumerated() {
      let isFirst = index == 0 || numbers[index - 1].section != number.section
      text += (isFirst ? "\(index == 0 ? "" : "\n")\(number.section):" : "") + " \(number.digits)"
    }
    return text + "\n"
  }

  /// What `list` wrote.
  static func numbers(inList text: String) -> [(section: String, digits: String)] {
    text.split(separator: "\n").flatMap { line -> [(section: String, digits: String)] in
      guard let end = line.range(of: "]: ") else { return [] }
      return line[end.upperBound...].split(separator: " ").map { ("\(line[..<end.lowerBound])]", String($0)) }
    }
  }
}
