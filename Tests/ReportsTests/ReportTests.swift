import Checking
import Foundation
import Judging
import PathAttention
import Problems
import Reports
import TensorFiles
import TestFiles
import Testing

/// The HTML page and the JUnit report of a cross-check.
@Suite struct ReportTests {
  /// A check of two packed segments in which o is wrong at token 6 of query head 2 alone, under a hostile name.
  private func check(studiesVariants: Bool = false) throws -> DetailedCrossCheck {
    let problem = try Problem(line: "B1 T12 HQ4 H2 K4 V3 cu=0,5,12 beta=uniform gate=scaled.strong seed=11")
    var attentionCase = try problem.attentionCase()
    attentionCase.lseCotangent = nil
    var file = TensorFileWriter(metadata: ["case": "<script>alert(1)</script> & \"more\"\u{1}", "gate": "scaled"])
    var tensors = try Implementation(.blockwise()).evaluate(attentionCase)
    tensors[.o]![(6 * 4 + 2) * 3] += 0.25
    for (tensor, entries) in attentionCase.inputs.tensors { tensors[tensor] = entries.entries }
    tensors[.do] = attentionCase.outputCotangent!
    for (tensor, entries) in tensors {
      try file.add(tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries, as: .float64)
    }
    try file.add("cu_seqlens", shape: [3], [0, 5, 12], as: .int32)
    return try TestFiles.withTemporary { path in
      try file.write(to: path, overwriting: true)
      return try detailedCrossCheck(CrossCheckRequest(inputs: path, studiesVariants: studiesVariants))
    }
  }

  @Test("The page is well-formed, needs nothing else, and has the figures, the bad row and the command")
  func page() throws {
    let result = try check(studiesVariants: true)
    let report = result.report
    let html = ReportPage(result, command: "pathcheck check 'a & b'").html
    let document = try #require(ParsedDocument.parse(html), "not well-formed")
    for absent in ["src=", "href=", "url(", "@import", "<script", "<link"] {
      #expect(!html.contains(absent), "\(absent)")
    }
    // Names of namespaces are no addresses.
    #expect(!html.replacingOccurrences(of: "xmlns=\"http://www.w3.org/2000/svg\"", with: "").contains("http"))
    #expect(html.contains("prefers-color-scheme:dark"))
    #expect(document.text.contains("FAIL · <script>alert(1)</script> & \"more\"\\u{01}"))
    for tensor in report.tensors {
      #expect(document.text.contains(String(format: "%.5g", tensor.rmsRatio.value)), "\(tensor.name)")
    }
    #expect(report.tensors.filter { $0.verdict == .fail }.map(\.name) == ["o"])
    // One map for each of eight tensors, one chart each, and the legend.
    #expect(document["svg"].count { $0["class"] == "map" } == 8 && document["polyline"].count >= 8 * 4)
    // The only bad cell of all: column 6, row 2 of four heads.
    #expect(document["path"].filter { $0["class"] == "farther" && $0["d"] != "M0 7h14" }.map { $0["d"] } == ["M6 2h1"])
    for level in ["marginal", "fail", "far"] { #expect(document["path"].count { $0["class"] == level } == 1) }
    #expect(document["line"].count { $0["class"] == "boundary" } == 8)
    // Only the tensor that fails is shown without being asked.
    #expect(document["section"].count == 1 && document["details"].count { $0["class"] == "tensor" } == 7)
    #expect(document.text.contains("pathcheck check 'a & b'"))
  }

  @Test("JUnit XML counts tensors and failures, and says where")
  func junit() throws {
    let document = try #require(ParsedDocument.parse(JUnitReport(try check().report).xml))
    for name in ["testsuites", "testsuite"] {
      let suite = try #require(document[name].first)
      #expect(suite["tests"] == "8" && suite["failures"] == "1" && suite["errors"] == "0")
    }
    #expect(document["testcase"].map { $0["name"] } == ["o", "lse", "dq", "dk", "dv", "dw", "dbeta", "dg"])
    let failures = document["failure"]
    #expect(failures.count == 1 && failures[0]["message"]!.contains("max abs 0.25 at b0 t6 h2 lane 0"))
  }

  @Test("Tiles of logits are drawn by level, head by head, and the page says whose they are")
  func logitTiles() throws {
    let report = try check().report
    func document(_ variant: String?) throws -> ParsedDocument {
      let tiles = LogitTiles(
        variant: variant, note: nil, batch: 1, length: 20, heads: 2, tileSize: 8,
        multiples: [0.1, nil, nil, 0.2, 0.1, nil, 30, 30, 0.7] + [3, nil, nil, 3, 3, nil, 3, .infinity, 3])
      let page = ReportPage(DetailedCrossCheck(report: report, maps: [], logits: tiles), command: "pathcheck check x")
      return try #require(ParsedDocument.parse(page.html))
    }
    let page = try document(nil)
    #expect(page["svg"].filter { $0["class"] == "tiles" }.map { $0["viewBox"] } == ["0 0 3 3", "0 0 3 3"])
    let paths = page["path"].filter { $0["d"] != "M0 7h14" }.map { "\($0["class"]!) \($0["d"]!)" }
    #expect(
      paths == [
        "small M0 0h1M0 1h2", "ordinary M2 2h1", "far M0 2h2", "marginal M0 0h1M0 1h2M0 2h1M2 2h1", "farther M1 2h1",
      ])
    #expect(page.text.contains("Where the candidate's logits are off, in tiles of 8"))
    #expect(try document("block.noCarry").text.contains("Where the logits of block.noCarry"))
  }

  @Test("A page of 1024 tokens and 8 heads stays under 2 MB when every row is at another level than its neighbours")
  func size() throws {
    var report = try check().report
    report.tensors[0].verdict = .marginal
    report.tensors[3].verdict = .fail
    let levels = [0.3, 0.8, 1.5, 3, 10, 50, .infinity]
    var random = SeededGenerator(seed: 1)
    let maps = report.tensors.map { tensor in
      ErrorMap(
        name: tensor.name, batch: 1, length: 1024, heads: 8, boundaries: [100],
        multiples: (0..<1024 * 8).map { $0 % 9 == 0 ? nil : levels.randomElement(using: &random) })
    }
    let html = ReportPage(DetailedCrossCheck(report: report, maps: maps), command: "pathcheck check x").html
    #expect(html.utf8.count < 2_000_000, "\(html.utf8.count)")
    #expect(ParsedDocument.parse(html) != nil)
    // The worst first.
    let sections = html.components(separatedBy: "<section>").dropFirst()
    #expect(sections.map { $0.contains("</span> <b>dk</b>") } == [true, false])
    // Bad cells are never narrower than two of the drawing's 900 units.
    #expect(html.contains("h2.28M"))
  }
}
