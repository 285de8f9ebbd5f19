import Foundation
import PathAttention

/// A fenced command of a page, and what it is said to print.
///
/// Every block of language `sh` or `python` carries a mark, a comment on the line before it:
///
///     <!-- run -->                                     exits with 0
///     <!-- run: exit 1 -->                             exits with 1
///     <!-- run: needs torch, safetensors -->           skipped, with a message, where Python lacks a module
///     <!-- not run: REASON -->
///     <!-- file: NAME -->                              not a command, but a file that commands of the page find
///
/// A block without a language that follows a command, with nothing but empty lines between them, is what it prints. In it
/// `…` stands for anything within a line, and a line of `…` alone for any number of lines: for times, and for what depends
/// on the machine.
struct Command {
  let fence: Fence
  let output: Fence?
  let isRun: Bool
  let exitCode: Int32
  let modules: [String]

  /// - Throws: `UnreadableMark` when the mark is missing or not one of those above.
  init(_ fence: Fence, followedBy next: Fence?, in page: Page) throws {
    self.fence = fence
    let between = next.map { page.lines[fence.lines.upperBound + 1..<$0.lines.lowerBound - 1] }
    output = next?.language == "" && between!.allSatisfy(\.isEmpty) ? next : nil
    var (exitCode, modules): (Int32, [String]) = (0, [])
    let place = "\(page.path):\(fence.lines.lowerBound)"
    guard let mark = fence.mark else { throw UnreadableMark(place: place, mark: nil) }
    isRun = !mark.hasPrefix("not run: ")
    if isRun {
      guard mark == "run" || mark.hasPrefix("run: ") else { throw UnreadableMark(place: place, mark: mark) }
      for clause in mark.dropFirst("run: ".count).split(separator: "; ") {
        if clause.hasPrefix("exit "), let code = Int32(clause.dropFirst(5)) {
          exitCode = code
        } else if clause.hasPrefix("needs ") {
          modules = clause.dropFirst(6).split(separator: ", ").map(String.init)
        } else {
          throw UnreadableMark(place: place, mark: mark)
        }
      }
    }
    (self.exitCode, self.modules) = (exitCode, modules)
  }

  /// What is run: `pathcheck` as it has been built for the tests, instead of building it.
  var script: String {
    fence.body.joined(separator: "\n")
      .replacing(".ci/dependencies && swift run -c release pathcheck", with: "pathcheck")
  }
}

struct UnreadableMark: Error, CustomStringConvertible {
  let place: String
  let mark: String?
  var description: String { "\(place): a command needs a mark on the line before it, found \(mark ?? "none")" }
}

extension Fence {
  /// What the block is to be called, if it is a file.
  var fileName: String? {
    mark.flatMap { $0.hasPrefix("file: ") ? String($0.dropFirst("file: ".count)) : nil }
  }
}

extension Page {
  /// The commands, in order.
  func commands() throws -> [Command] {
    let fences = fences
    return try fences.indices.filter {
      ["sh", "python"].contains(fences[$0].language) && fences[$0].fileName == nil
    }.map { index in
      try Command(fences[index], followedBy: index + 1 < fences.count ? fences[index + 1] : nil, in: self)
    }
  }
}

/// Whether lines are what is expected, where `…` stands for anything.
func lines(_ found: ArraySlice<String>, match expected: ArraySlice<String>) -> Bool {
  guard let first = expected.first else { return found.isEmpty }
  if first == "…" {
    return (found.startIndex...found.endIndex).contains { lines(found[$0...], match: expected.dropFirst()) }
  }
  guard let line = found.first, matches(line, first) else { return false }
  return lines(found.dropFirst(), match: expected.dropFirst())
}

/// Whether a line is what is expected, where `…` stands for anything.
func matches(_ line: String, _ expected: String) -> Bool {
  let parts = expected.components(separatedBy: "…")
  guard parts.count > 1 else { return line == expected }
  guard line.hasPrefix(parts.first!), line.hasSuffix(parts.last!),
    line.count >= parts.first!.count + parts.last!.count
  else { return false }
  var rest = line.dropFirst(parts.first!.count).dropLast(parts.last!.count)
  for part in parts.dropFirst().dropLast() where !part.isEmpty {
    guard let range = rest.range(of: part) else { return false }
    rest = rest[range.upperBound...]
  }
  return true
}
