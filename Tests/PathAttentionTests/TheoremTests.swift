import Foundation
import LinearAlgebra
import PathAttention
import TestFiles
import Testing

/// The forms against the definition of the proofs in Sources/Proof, which Coq has computed on rational numbers: worked examples and
/// random problems. `.ci/proof` computes Fixtures/definition.txt again and compares it, so neither side can change alone.
@Suite struct TheoremTests {
  static let forms: [AttentionForm] =
    [.sequentialProduct, .compactWY]
    + [1, 2, 3, 7].flatMap { size in [0, 1, 2].map { .blockwise(blockSize: size, levels: $0) } }

  @Test("Every form has the logits and gradients of the proofs' definition, to the last digit")
  func definition() throws {
    let cases = try DefinitionCase.all()
    #expect(cases.count > 50)
    for (number, definition) in cases.enumerated() {
      let inputs = try definition.inputs()
      let cotangent = LogitTable<Rational>(inputs)
      var dS = definition["dS"]![...]
      for head in 0..<definition.heads {
        for i in 0..<definition.tokens {
          for j in 0...i { cotangent[0, head].mutableView[i, j] = dS.removeFirst() }
        }
      }
      for form in Self.forms {
        let found = try logitGradients(of: inputs, cotangent: cotangent, definition.function, form: form)
        let S = try logits(inputs, definition.function, form: form).lowerEntries
        let gradients = [
          "S": S, "dq": definition.headsFirst(found.dq.entries), "dk": found.dk.entries, "dw": found.dw.entries,
          "dbeta": found.dbeta.entries, "dg": definition.headsFirst(found.dg?.entries ?? []),
        ]
        for (name, numbers) in gradients {
          #expect(
            numbers.map(\.description) == definition.words[name],
            "\(name), \(form), case \(number) of Fixtures/definition.txt")
        }
      }
    }
  }
}

/// One problem of Fixtures/definition.txt: a line of numbers for each thing, heads first, then tokens, then lanes.
private struct DefinitionCase {
  let words: [String: [String]]
  let heads: Int
  let tokens: Int
  let lanes: Int

  static func all() throws -> [DefinitionCase] {
    let text = try String(contentsOf: TestFiles.fixtures.appending(path: "definition.txt"), encoding: .utf8)
    var cases: [[String: [String]]] = []
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "case" { cases.append([:]) }
      cases[cases.count - 1][words[0]] = Array(words.dropFirst())
    }
    return cases.map { words in
      let sizes = words["case"]!.map { Int($0)! }
      return DefinitionCase(words: words, heads: sizes[0], tokens: sizes[1], lanes: sizes[2])
    }
  }

  /// What was given, of which every numerator and denominator is small.
  subscript(name: String) -> [Rational]? {
    words[name]?.map { word in
      let parts = word.split(separator: "/").map { Int($0)! }
      return Rational(parts[0], parts.count == 2 ? parts[1] : 1)
    }
  }

  /// The gate's factor is the scale, or one.
  var function: AttentionFunction<Rational> {
    AttentionFunction(scale: self["scale"]![0], gate: words["factor"] == words["scale"] ? .scaled : .unscaled)
  }

  func inputs() throws -> AttentionInputs<Rational> {
    let g = self["g"]!
    return try AttentionInputs(
      shape: AttentionShape(length: tokens, queryHeads: heads, heads: 1, keyDim: lanes, valueDim: 1),
      q: tokensFirst(self["q"]!), k: self["k"]!, v: Array(repeating: .one, count: tokens), w: self["w"]!,
      beta: self["beta"]!, g: g.isEmpty ? nil : tokensFirst(g))
  }

  /// From [head, token, …] to [token, head, …], as a tensor lies in memory.
  func tokensFirst(_ numbers: [Rational]) -> [Rational] { transposed(numbers, rows: heads, columns: tokens) }

  func headsFirst(_ numbers: [Rational]) -> [Rational] { transposed(numbers, rows: tokens, columns: heads) }

  private func transposed(_ numbers: [Rational], rows: Int, columns: Int) -> [Rational] {
    let count = numbers.count / (rows * columns)
    var result: [Rational] = []
    for column in 0..<columns {
      for row in 0..<rows {
        let first = (row * columns + column) * count
        result += numbers[first..<first + count]
      }
    }
    return result
  }
}
