import Foundation
import PathAttention
import TestFiles

/// One Markdown page of the repository.
struct Page {
  /// Its path within the repository, like `Docs/Algorithm.md`.
  let path: String
  let text: String

  /// The repository, from the place of this file.
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The path of a file of Fixtures that the pages speak of.
  static func fixture(_ name: String) -> String { repository.appending(path: "Fixtures/\(name).safetensors").path }

  /// The pages that a reader is meant to read: README.md, those of Docs and that of Fixtures.
  static let paths: [String] = {
    let docs = try? FileManager.default.contentsOfDirectory(atPath: repository.appending(path: "Docs").path)
    return ["README.md", "Fixtures/README.md"]
      + (docs ?? []).filter { $0.hasSuffix(".md") }.sorted().map { "Docs/\($0)" }
  }()

  var url: URL { Self.repository.appending(path: path) }

  init(path: String, text: String) { (self.path, self.text) = (path, text) }

  /// A page of the repository.
  init(_ path: String) throws {
    self.init(
      path: path, text: try String(contentsOf: Self.repository.appending(path: path), encoding: .utf8))
  }

  /// Puts other text in place of the page, when pages are being written.
  func replace(with text: String) throws { try text.write(to: url, atomically: true, encoding: .utf8) }

  /// Whether pages and figures are to be brought up to date instead of being checked: the variable
  /// PATH_WRITE_DOCUMENTATION is set.
  static let isWriting = ProcessInfo.processInfo.environment["PATH_WRITE_DOCUMENTATION"] != nil
}

/// A fenced block of a page.
struct Fence {
  /// What follows the opening fence: the language, or nothing.
  let language: String
  let body: [String]
  /// The lines of the page between the fences.
  let lines: Range<Int>
  /// What a comment on the line before the fence says.
  let mark: String?
}

extension Page {
  /// The lines of the page.
  var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }

  /// The fenced blocks, in order.
  var fences: [Fence] {
    let lines = lines
    var fences: [Fence] = []
    var opening: Int?
    for (index, line) in lines.enumerated() where line.hasPrefix("```") {
      guard let start = opening else {
        opening = index
        continue
      }
      let mark = start > 0 ? lines[start - 1] : ""
      fences.append(
        Fence(
          language: String(lines[start].dropFirst(3)), body: Array(lines[start + 1..<index]), lines: start + 1..<index,
          mark: mark.hasPrefix("<!-- ") && mark.hasSuffix(" -->") ? String(mark.dropFirst(5).dropLast(4)) : nil))
      opening = nil
    }
    return fences
  }

  /// The lines with what is generated left out.
  var writtenLines: [(index: Int, line: String)] {
    var isGenerated = false
    return lines.enumerated().compactMap { index, line in
      if line.hasPrefix("<!-- generated: ") && !line.contains("<!-- end -->") { isGenerated = true }
      if line.hasPrefix("<!-- end -->") { isGenerated = false }
      return isGenerated ? nil : (index, line.replacing(/<!-- generated: [^>]*-->.*?<!-- end -->/, with: ""))
    }
  }

  /// The lines that are neither in a fence nor generated, without code and formulas.
  var runningText: [(index: Int, line: String)] {
    let fenced = fences.map { $0.lines.lowerBound - 1..<$0.lines.upperBound + 1 }
    return writtenLines.filter { line in !fenced.contains { $0.contains(line.index) } }.map {
      ($0.index, $0.line.replacing(/`[^`]*`/, with: "").replacing(/\$[^$]*\$/, with: ""))
    }
  }

  /// The tables that are not generated, in order, without their heads: rows of cells.
  var tables: [[[String]]] {
    var tables: [[[String]]] = []
    var previous = -2
    for (index, line) in writtenLines where line.hasPrefix("|") {
      if index != previous + 1 { tables.append([]) }
      previous = index
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
      tables[tables.count - 1].append(cells.map { $0.trimmingCharacters(in: .whitespaces) })
    }
    return tables.map { Array($0.dropFirst(2)) }
  }
}
