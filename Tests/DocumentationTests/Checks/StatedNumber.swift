/// A number of a page that no other test compares with what the library computes: a definition, an example's shape, a
/// citation, or a measurement that was made elsewhere.
struct StatedNumber {
  /// The heading that it stands under.
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
        StatedNumber(section: section, line: index, digits: String($0.output.0))
      }
    }
  }
}

/// The numbers that pages state, as they are listed: changing one in a page takes a second change here, which a reviewer sees.
enum StatedNumbers {
  static let url = Page.repository.appending(path: "Tests/DocumentationTests/StatedNumbers.txt")

  /// One line for every section of a page that states numbers.
  static func list(_ numbers: [StatedNumber], of path: String) -> [String] {
    var list: [(section: String, digits: [String])] = []
    for number in numbers {
      if list.last?.section != number.section { list.append((number.section, [])) }
      list[list.count - 1].digits.append(number.digits)
    }
    return list.map { "\(path) [\($0.section)] \($0.digits.joined(separator: " "))" }
  }
}
