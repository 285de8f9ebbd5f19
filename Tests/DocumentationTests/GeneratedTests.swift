import Foundation
import PathAttention
import TestFiles
import Testing

/// Text and figures that the library computes are what stands in the pages.
///
/// A page says `<!-- generated: NAME -->` … `<!-- end -->`, on lines of their own or within a line; `GeneratedText.all` says
/// what stands between them. To bring all pages and figures up to date, run these tests with PATH_WRITE_DOCUMENTATION=1.
@Suite struct GeneratedTests {
  @Test("Generated text is what the library gives", arguments: Page.paths)
  func texts(path: String) throws {
    let page = try Page(path)
    let expected = try page.regenerated { name in
      let text = try #require(GeneratedText.all[name], "\(path): there is no generated text '\(name)'")
      return try text()
    }
    guard expected != page.text else { return }
    if Page.isWriting { return try page.replace(with: expected) }
    let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let line = zip(page.lines, expectedLines).enumerated().first { $1.0 != $1.1 }
    Issue.record(
      "\(path):\((line?.offset ?? 0) + 1) is\n\(line?.element.0 ?? "")\nand should be\n\(line?.element.1 ?? "")")
  }

  @Test("Every generated text stands in some page")
  func used() throws {
    var names: Set<String> = []
    for path in Page.paths {
      _ = try Page(path).regenerated {
        names.insert($0)
        return ""
      }
    }
    #expect(Set(GeneratedText.all.keys).subtracting(names) == [])
  }

  @Test("Figures are what the code draws", arguments: Figures.all.keys.sorted())
  func figures(name: String) throws {
    let url = Page.repository.appending(path: "Docs/Figures/\(name).svg")
    let expected = try Figures.all[name]!()
    if Page.isWriting { return try expected.write(to: url, atomically: true, encoding: .utf8) }
    #expect(try String(contentsOf: url, encoding: .utf8) == expected, "Docs/Figures/\(name).svg is out of date")
  }

  @Test("Marks within and around lines are found; a mark without an end is an error")
  func marks() throws {
    let page = Page(
      path: "page.md", text: "a <!-- generated: x -->1<!-- end --> b\n<!-- generated: y -->\n2\n<!-- end -->\n")
    let written = try page.regenerated { "<\($0)>" }
    #expect(
      written == "a <!-- generated: x --><x><!-- end --> b\n<!-- generated: y -->\n<y>\n<!-- end -->\n")
    #expect(throws: UnclosedMark.self) {
      try Page(path: "page.md", text: "<!-- generated: x -->1").regenerated { _ in "" }
    }
  }
}

extension Page {
  /// The page with what a function gives for each name in place of generated text.
  func regenerated(_ generate: (String) throws -> String) throws -> String {
    let (opening, closing) = ("<!-- generated: ", "<!-- end -->")
    var (result, rest) = ("", text[...])
    while let start = rest.range(of: opening) {
      guard let nameEnd = rest[start.upperBound...].range(of: " -->"),
        let end = rest[nameEnd.upperBound...].range(of: closing)
      else { throw UnclosedMark(page: path) }
      let isBlock = rest[nameEnd.upperBound...].hasPrefix("\n")
      let generated = try generate(String(rest[start.upperBound..<nameEnd.lowerBound]))
      result += rest[..<nameEnd.upperBound] + (isBlock ? "\n\(generated)\n" : generated) + closing
      rest = rest[end.upperBound...]
    }
    return result + rest
  }
}

struct UnclosedMark: Error {
  let page: String
}
