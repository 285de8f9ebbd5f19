import Foundation

/// One Markdown page of the repository.
struct Page {
  /// Its path within the repository, like `Docs/Algorithm.md`.
  let path: String
  let text: String

  /// The repository, from the place of this file.
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

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
}
