import Evidence
import Foundation
import PathAttention
import Problems
import Testing

/// The Swift of README and Docs stands in this file, line for line, and so is compiled and run.
@Suite struct SnippetTests {
  @Test("Every Swift snippet of the pages stands in this file", arguments: Page.paths)
  func everySnippet(path: String) throws {
    func trimmed(_ lines: some Sequence<Substring>) -> [String] {
      lines.map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let source = try String(contentsOf: URL(fileURLWithPath: #filePath), encoding: .utf8)
    let compiled = trimmed(source.split(separator: "\n", omittingEmptySubsequences: false))
    for fence in try Page(path).fences where fence.language == "swift" {
      let lines = trimmed(fence.body.map { $0[...] }.filter { !$0.isEmpty })
      let imports = lines.prefix { $0.hasPrefix("import ") }
      let body = Array(lines.dropFirst(imports.count))
      #expect(imports.allSatisfy(compiled.contains), "\(path):\(fence.lines.lowerBound)")
      let stands = compiled.indices.contains { compiled[$0...].starts(with: body) }
      #expect(stands, "\(path):\(fence.lines.lowerBound) is not in SnippetTests.swift")
    }
  }

  /// README.md
  @Test("From arrays to outputs and gradients")
  func readme() throws {
    let problem = try Problem(line: "B1 T4096 HQ4 H2 K64 V64 gate=scaled.weak seed=1")
    let given = try problem.inputs()
    let (q, k, v, w) = (given.q.entries, given.k.entries, given.v.entries, given.w.entries)
    let (beta, g, dO) = (given.beta.entries, given.g!.entries, problem.outputCotangent())
    let inputs = try AttentionInputs<Double>(
      shape: AttentionShape(length: 4096, queryHeads: 4, heads: 2, keyDim: 64, valueDim: 64),
      q: q, k: k, v: v, w: w, beta: beta, g: g)
    let outputs = try attention(inputs, AttentionExecution(form: .blockwise()))
    let gradients = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO)
    #expect(outputs.o.entries.count == dO.count && gradients.dw.entries.count == w.count)
  }

  /// Docs/Inference.md
  @Test("A prompt, and tokens after it")
  func decoding() throws {
    let all = try Problem(line: "B1 T9 HQ2 H1 K4 V3 gate=scaled.weak seed=1").inputs()
    let (prompt, tokens) = (all.packed([0..<8]), all.packed([8..<9]))
    var (outputs, cache) = try prefill(prompt)  // batches, or packed sequences of different lengths
    let next = try cache.attend(to: tokens)  // one more token of each sequence, several, or none
    let whole = try attention(all).o.entries
    for (found, expected) in zip(outputs.o.entries + next.o.entries, whole) { #expect(abs(found - expected) < 1e-12) }
  }

  /// Docs/Inference.md
  @Test("The drift of a cache in bfloat16")
  func drift() throws {
    let inputs = try Problem(line: "B1 T1024 HQ1 H1 K64 V64 beta=two seed=1").inputs()
    let drifts = try cacheDrift(of: inputs, format: .bfloat16, at: [2, 16, 64, 256, 1024])
    #expect(drifts.map(\.steps) == [2, 16, 64, 256, 1024])
  }
}
