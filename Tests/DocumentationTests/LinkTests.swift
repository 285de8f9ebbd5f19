import Foundation
import PathAttention
import Reports
import Testing

/// Links lead somewhere.
@Suite struct LinkTests {
  @Test("Every relative link leads to a file, and to a heading if it names one", arguments: Page.paths)
  func links(path: String) throws {
    let page = try Page(path)
    for link in page.links where !link.contains("://") {
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let target = parts[0].isEmpty ? page.url : page.url.deletingLastPathComponent().appending(path: parts[0])
      guard FileManager.default.fileExists(atPath: target.path) else {
        Issue.record("\(path): there is no \(link)")
        continue
      }
      if parts.count == 2 {
        let text = try String(contentsOf: target, encoding: .utf8)
        #expect(Page(path: parts[0], text: text).anchors.contains(parts[1]), "\(path): there is no heading \(link)")
      }
    }
  }

  @Test("Every page of Docs can be reached from README, and every figure stands in a page")
  func reachable() throws {
    var reached: Set<String> = ["README.md"]
    var pending = ["README.md"]
    var targets: Set<String> = []
    while let path = pending.popLast() {
      let folder = URL(fileURLWithPath: "/\(path)").deletingLastPathComponent()
      for link in try Page(path).links where !link.contains("://") && !link.hasPrefix("#") {
        let file = String(folder.appending(path: link.prefix { $0 != "#" }).standardized.path.dropFirst())
        targets.insert(file)
        if Page.paths.contains(file), reached.insert(file).inserted { pending.append(file) }
      }
    }
    #expect(Page.paths.filter { !reached.contains($0) } == [])
    let figures = try FileManager.default.contentsOfDirectory(
      atPath: Page.repository.appending(path: "Docs/Figures").path)
    #expect(figures.filter { $0.hasSuffix(".svg") && !targets.contains("Docs/Figures/\($0)") } == [])
  }

  @Test("Headings have the anchors that forges give them")
  func anchors() {
    let page = Page(
      path: "page.md", text: "# The algorithm\n## What a PASS means, and does not\n```\n# no\n```\n## The algorithm")
    #expect(page.anchors.contains("the-algorithm") && page.anchors.contains("what-a-pass-means-and-does-not"))
    #expect(page.anchors.contains("the-algorithm-1") && page.anchors.count == 3)
  }
}

extension Page {
  /// The targets of links and pictures outside of fences.
  var links: [String] {
    runningText.flatMap { $1.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) } }
  }

  /// What a forge calls the headings in links.
  var anchors: Set<String> {
    var anchors: Set<String> = []
    for line in runningText.map(\.line) where line.hasPrefix("#") {
      let anchor = line.drop { $0 == "#" || $0 == " " }.lowercased().filter {
        $0.isLetter || $0.isNumber || $0 == "-" || $0 == " " || $0 == "_"
      }.replacing(" ", with: "-")
      // A heading that is not the first of its name has a number.
      let number = (1...).first { !anchors.contains("\(anchor)-\($0)") }!
      anchors.insert(anchors.contains(anchor) ? "\(anchor)-\(number)" : anchor)
    }
    return anchors
  }
}
