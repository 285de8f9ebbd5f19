import LinearAlgebra
import PathAttention
import Problems
import Testing

/// Problems that are solved by hand-set weights.
@Suite struct ConstructionTests {
  static let forms: [AttentionForm] = [.sequentialProduct, .compactWY, .blockwise()]

  /// A random word of up to 200 letters; every other one is a word and its inverse with a random word before it that is
  /// undone too, so that its product is the identity.
  private func word(_ random: inout SeededGenerator, isIdentity: Bool) -> SymmetricGroupWord {
    func letters(_ count: Int) -> [SymmetricGroupWord.Transposition] {
      (0..<count).map { _ in
        let a = Int.random(in: 0..<5, using: &random)
        return .init(a, (a + Int.random(in: 1..<5, using: &random)) % 5)
      }
    }
    guard isIdentity else { return SymmetricGroupWord(letters(Int.random(in: 0...200, using: &random))) }
    let (first, second) = (
      letters(Int.random(in: 0...50, using: &random)), letters(Int.random(in: 0...50, using: &random))
    )
    return SymmetricGroupWord(first + first.reversed() + second + second.reversed())
  }

  @Test("2,000 words of S₅ of up to 200 letters: every answer after every letter is right")
  func symmetricGroup() throws {
    var random = SeededGenerator(seed: 5, part: "S5")
    var (identities, answers) = (0, 0)
    for index in 0..<2000 {
      let word = word(&random, isIdentity: index % 2 == 0)
      let expected = word.products().map { $0 == [1, 2, 3, 4, 5] }
      for weights in SymmetricGroupWord.Weights.allCases {
        let found = try word.answers(weights, form: Self.forms[index % 3])
        #expect(found == expected, "word \(index), \(weights), \(Self.forms[index % 3])")
      }
      identities += expected.last! ? 1 : 0
      answers += expected.count
    }
    #expect(identities >= 1000 && identities < 1100)
    #expect(answers > 150_000)
  }

  @Test("The logit of the first key is n (Σ i·π(i) − 54.5): exactly, or to 1e-12 with unit vectors", arguments: forms)
  func logit(form: AttentionForm) throws {
    var random = SeededGenerator(seed: 6, part: "S5 logits")
    for index in 0..<100 {
      let word = word(&random, isIdentity: index % 2 == 0)
      let expected = word.products().enumerated().map { n, product in
        Double(n) * (Double(product.enumerated().reduce(0) { $0 + ($1.offset + 1) * $1.element }) - 54.5)
      }
      let exact = try logits(word.inputs(.exact), AttentionFunction(scale: 1), form: form)[0, 0]
      let unit = try logits(word.inputs(.unit), AttentionFunction(scale: 1), form: form)[0, 0]
      #expect(expected.indices.allSatisfy { exact[$0, 0] == expected[$0] }, "word \(index)")
      #expect(
        expected.indices.allSatisfy { abs(unit[$0, 0] - expected[$0]) <= 1e-12 * abs(expected[$0]) }, "word \(index)")
      #expect(expected.indices.allSatisfy { n in (0..<n).allSatisfy { exact[n, $0 + 1] == 0 } }, "word \(index)")
    }
  }

  @Test("A flip-flop remembers the bit that was written last", arguments: forms)
  func flipFlop(form: AttentionForm) throws {
    var random = SeededGenerator(seed: 7, part: "flip-flop")
    for index in 0..<200 {
      let writes = index % 3 == 0 ? 0.9 : index % 3 == 1 ? 0.1 : 0.01
      let program = (0..<Int.random(in: 0...300, using: &random)).map { _ -> FlipFlop.Instruction in
        if random.uniform(0...1) < writes { return .write(.random(using: &random)) }
        return Bool.random(using: &random) ? .ignore(.random(using: &random)) : .read
      }
      let memory = FlipFlop(program)
      #expect(try memory.answers(form: form) == memory.lastWrites(), "program \(index)")
      // Only the last write is seen: every older one has been erased.
      let table = try logits(memory.inputs(), AttentionFunction(scale: 1), form: form)[0, 0]
      var last: Int?
      for t in program.indices {
        if case .write = program[t] { last = t }
        let isRight = (0...t).allSatisfy { table[t, $0] == ($0 == last ? Double(t + 1) : 0) }
        #expect(isRight, "program \(index), token \(t)")
      }
    }
    #expect(try FlipFlop([.write(true), .ignore(false), .read]).answers() == [true, true, true])
  }

  @Test("Without reflections the flip-flop forgets and the word is lost: the construction rests on them")
  func withoutReflections() throws {
    let memory = FlipFlop([.write(true), .write(true), .write(true), .write(false), .read])
    let plain = try PositionEncoding.none.attention(memory.inputs(), scale: 1).o.entries
    #expect(plain[4] > 0)
    let word = SymmetricGroupWord([.init(0, 1)])
    #expect(try PositionEncoding.none.attention(word.inputs(), scale: 1).o.entries[1] > 0.5)
    #expect(try word.answers() == [true, false])
  }
}
