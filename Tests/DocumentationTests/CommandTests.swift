import Foundation
import PathAttention
import Testing

/// The commands of README and Docs do what the pages say.
@Suite struct CommandTests {
  @Test("Every command prints what the page says", arguments: Page.paths)
  func commands(path: String) throws {
    let page = try Page(path)
    var written = page.lines
    let shell = try Shell()
    for fence in page.fences { if let name = fence.fileName { try shell.write(fence.body, to: name) } }
    // From the last to the first in the text, so that lines that are written do not move those that are not.
    var updates: [(Range<Int>, [String])] = []
    for command in try page.commands() where command.isRun {
      let place = "\(path):\(command.fence.lines.lowerBound)"
      if !command.modules.isEmpty {
        let imports = "import " + command.modules.joined(separator: ", ")
        guard try shell.run(imports, language: "python").status == 0 else {
          print("\(place) is skipped: python3 lacks one of \(command.modules); PATH_PYTHON names another interpreter")
          continue
        }
      }
      let (status, found) = try shell.run(command.script, language: command.fence.language)
      #expect(
        status == command.exitCode,
        "\(place) exits with \(status), not \(command.exitCode):\n\(found.joined(separator: "\n"))")
      guard let output = command.output, !lines(found[...], match: output.body[...]) else { continue }
      if Page.isWriting && !output.body.joined().contains("…") {
        updates.append((output.lines, found))
      } else {
        Issue.record("\(path):\(output.lines.lowerBound): the command prints\n\(found.joined(separator: "\n"))")
      }
    }
    for (range, lines) in updates.reversed() { written.replaceSubrange(range, with: lines) }
    if !updates.isEmpty { try page.replace(with: written.joined(separator: "\n")) }
  }

  @Test("A command needs a mark, of a known kind")
  func marks() throws {
    func page(_ mark: String) throws -> [Command] {
      try Page(path: "page.md", text: "\(mark)\n```sh\nexit 3\n```\n\n```\nnothing\n```").commands()
    }
    #expect(throws: UnreadableMark.self) { try page("text") }
    #expect(throws: UnreadableMark.self) { try page("<!-- run: fast -->") }
    #expect(throws: UnreadableMark.self) { try page("<!-- running -->") }
    let command = try page("<!-- run: exit 3; needs torch, safetensors -->")[0]
    #expect(command.isRun && command.exitCode == 3 && command.modules == ["torch", "safetensors"])
    #expect(command.output?.body == ["nothing"])
    #expect(try !page("<!-- not run: it never ends -->")[0].isRun)
  }

  @Test("An ellipsis stands for anything, within a line or for lines; nothing else does")
  func ellipses() {
    #expect(lines(["a", "b 1.5 s", "c"], match: ["a", "b … s", "c"]))
    #expect(lines(["a", "b", "c", "d"], match: ["a", "…", "d"]))
    #expect(lines(["a", "d"], match: ["a", "…", "d"]))
    #expect(!lines(["a", "b", "d"], match: ["a", "d"]))
    #expect(!lines(["b 1.5 ms"], match: ["b … s2"]))
    #expect(!lines(["0.637"], match: ["0.638"]))
    #expect(matches("x 1 y 2 z", "x … y … z") && !matches("xz", "xz…xz"))
  }
}
