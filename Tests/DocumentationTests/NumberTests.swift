import Foundation
import Testing

/// Numbers come from somewhere, and none of their digits changes by accident.
@Suite struct NumberTests {
  /// A decimal fraction in running text is a measurement, and has to be generated or printed by a command. Versions,
  /// numbers of papers, and limits that the text itself sets are not.
  @Test("No decimal fraction stands in running text of Docs, where nothing would compute it", arguments: Page.paths)
  func decimals(path: String) throws {
    // What real kernels did on a GPU is data, not something that the library computes; other tests compare with it.
    guard !["Fixtures/README.md", "Docs/Inference.md", "Docs/Envelopes.md", "Docs/Performance.md"].contains(path) else {
      return
    }
    let versions = /(arXiv|Swift|PyTorch|Triton|NumPy|JAX|MLX|torch|flash-linear-attention|Python) [0-9.]+/
    for (index, line) in try Page(path).runningText where !line.isEmpty {
      let decimals = line.replacing(/\]\([^)]*\)/, with: "").replacing(versions, with: "").matches(of: /[0-9]+\.[0-9]+/)
        .map { String($0.output) }
      #expect(decimals == [], "\(path):\(index + 1)")
    }
  }

  @Test("Every digit that no other test compares stands in the list of stated numbers")
  func stated() throws {
    let pages = try Page.paths.map { try ($0, Page($0).statedNumbers()) }
    let url = Page.repository.appending(path: "Tests/DocumentationTests/StatedNumbers.txt")
    if Page.isWriting {
      return try StatedNumber.list(pages.flatMap(\.1)).write(to: url, atomically: true, encoding: .utf8)
    }
    let list = StatedNumber.numbers(inList: try String(contentsOf: url, encoding: .utf8))
    for (path, stated) in pages {
      let listed = list.filter { $0.section.hasPrefix("\(path) [") }
      let index = zip(stated, listed).prefix { ($0.section, $0.digits) == $1 }.count
      guard index < max(stated.count, listed.count) else { continue }
      let found =
        index < stated.count ? "\(path):\(stated[index].line + 1) has \(stated[index].digits)" : "\(path) has no more"
      let expected = index < listed.count ? "\(listed[index].digits) of \(listed[index].section)" : "nothing"
      Issue.record("\(found), where StatedNumbers.txt has \(expected)")
    }
    #expect(list.allSatisfy { entry in Page.paths.contains { entry.section.hasPrefix("\($0) [") } })
  }

  @Test("Numbers are found in text, code, formulas, links and tables, but not where other tests compare them")
  func found() throws {
    let page = Page(
      path: "page.md",
      text: """
        Of 1,024 tokens 10⁻³ `--rows 64` $x_1$ [paper](https://x.y/2505.16381) <!-- generated: n -->7<!-- end --> 8.
        ## Part 2
        | a | 0.5 |
        <!-- generated: table -->
        | b | 9 |
        <!-- end -->
        <!-- run -->
        ```sh
        seq 3
        ```
        ```
        1
        ```
        <!-- run: needs torch -->
        ```sh
        seq 4
        ```
        ```
        2 of 5
        ```
        ```swift
        let n = 6
        ```
        """)
    #expect(
      try StatedNumber.list(page.statedNumbers()) == """
        page.md []: 1,024 10 ³ 64 1 2505.16381 8
        page.md [Part 2]: 2 0.5 3 4 2 5

        """)
    #expect(try page.statedNumbers().last?.line == 18)
    let read = try StatedNumber.numbers(inList: StatedNumber.list(page.statedNumbers()))
    #expect(read.count == 13 && read[7] == ("page.md [Part 2]", "2"))
  }
}
