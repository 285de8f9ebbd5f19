import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The property harness itself.
@Suite struct ProblemTests {
  private func problems(_ count: Int, seed: UInt64, _ space: ProblemSpace = ProblemSpace()) -> [Problem] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in space.problem(using: &random) }
  }

  // MARK: Lines

  @Test("Every problem is read back from its line, and makes the same numbers")
  func roundTrip() throws {
    for problem in problems(300, seed: 31) {
      let read = try Problem(line: problem.description)
      #expect(read == problem)
    }
    let problem = problems(1, seed: 32)[0]
    #expect(try Problem(line: "\(problem)").inputs().q.entries == problem.inputs().q.entries)
    #expect(
      try Problem(line: "\t V2\nK3 H1  HQ2 T4 B1 ")
        == Problem(shape: AttentionShape(length: 4, queryHeads: 2, heads: 1, keyDim: 3, valueDim: 2)))
  }

  @Test(
    "A line that makes no sense is an error that names the word",
    arguments: [
      ("", "B and a number"), ("B1 T4 HQ1 H1 K1", "V and a number"), ("B1 T4 HQ1 H1 K1 V1 V1", "each word once"),
      ("B1 Tx HQ1 H1 K1 V1", "a number"), ("B1 T4 HQ1 H1 K1 V1 block=0", "at least 1"),
      ("B1 T4 HQ1 H1 K1 V1 levels=x", "at least 0"), ("B1 T4 HQ1 H1 K1 V1 levels=-3", "at least 0"),
      ("B1 T4 HQ1 H1 K1 V1 seed=-1", "a number"), ("B1 T4 HQ1 H1 K1 V1 seed=18446744073709551616", "a number"),
      ("B1 T4 HQ1 H1 K1 V1 beta=large", "one of one, zero"), ("B1 T4 HQ1 H1 K1 V1 gate=strong", "like scaled.strong"),
      ("B1 T4 HQ1 H1 K1 V1 gate=scaled.", "like scaled.strong"), ("B1 T4 HQ1 H1 K1 V1 cu=0,x,4", "numbers with commas"),
      ("B1 T4 HQ1 H1 K1 V1 cu=0,,4", "numbers with commas"), ("B1 T4 HQ1 H1 K1 V1 cu=", "numbers with commas"),
      ("B1 T4 HQ1 H1 K1 V1 cu=0,3", "boundaries rising"), ("B1 T4 HQ1 H1 K1 V1 cu=0,3,2,4", "boundaries rising"),
      ("B2 T4 HQ1 H1 K1 V1 cu=0,4", "boundaries rising"), ("B1 T4 HQ3 H2 K1 V1", "sizes that fit"),
      ("B1 T-1 HQ1 H1 K1 V1", "sizes that fit"), ("B1 T4 HQ0 H0 K1 V1", "sizes that fit"),
      ("B1 T9223372036854775807 HQ1 H1 K1 V1", "sizes that fit"), ("B99999 T99999 HQ9 H9 K9 V9", "tensors of up to"),
      ("B1 T4 HQ1 H1 K1 V1 colour=red", "a known word"), ("B1 T4 HQ1 H1 K1 V1 =", "a known word"),
      ("B1 T4 HQ1 H1 K1 V1 🦆", "a known word"),
    ])
  func hostileLines(line: String, expected: String) {
    let error = #expect(throws: ProblemLineError.self) { try Problem(line: line) }
    #expect(error?.expected.contains(expected) ?? false, "\(String(describing: error))")
  }

  // MARK: Numbers

  @Test("The numbers follow from the problem alone")
  func sameNumbers() throws {
    for problem in problems(30, seed: 33) {
      let (a, b) = (try problem.inputs(), try problem.inputs())
      #expect(a.tensors.map(\.entries.entries) == b.tensors.map(\.entries.entries))
      #expect(try problem.exactInputs().w.entries == problem.exactInputs().w.entries)
      var other = problem
      other.seed += 1
      if problem.shape.tokens > 0 { #expect(problem.outputCotangent() != other.outputCotangent()) }
    }
  }

  @Test("A shorter problem of one sequence has the first numbers of the longer one")
  func prefix() throws {
    for drawn in problems(60, seed: 34) where drawn.shape.batch == 1 {
      var long = drawn
      long.segmentBoundaries = nil
      var short = long
      short.shape.length /= 2
      for (a, b) in zip(try short.inputs().tensors, try long.inputs().tensors) {
        #expect(b.entries.entries.starts(with: a.entries.entries), "\(a.tensor) of \(long)")
      }
      for (a, b) in zip(try short.exactInputs().tensors, try long.exactInputs().tensors) {
        #expect(b.entries.entries.starts(with: a.entries.entries), "\(a.tensor) of \(long), exactly")
      }
      #expect(long.outputCotangent().starts(with: short.outputCotangent()))
    }
  }

  // MARK: Draws

  @Test("Draws reach the nasty places")
  func reach() {
    let drawn = problems(2000, seed: 35)
    for (name, isThere) in [
      ("length 0", { $0.shape.length == 0 }), ("length 1", { $0.shape.length == 1 }),
      ("a full block", { $0.shape.length > 0 && $0.shape.length % $0.blockSize == 0 && $0.blockSize > 1 }),
      (
        "one more than blocks",
        { $0.blockSize > 2 && $0.shape.length > $0.blockSize && $0.shape.length % $0.blockSize == 1 }
      ),
      ("one less than blocks", { $0.blockSize > 2 && $0.shape.length % $0.blockSize == $0.blockSize - 1 }),
      (
        "three blocks, folded in pairs twice",
        {
          $0.levels == 2 && $0.shape.length > 2 * $0.blockSize
        }
      ),
      ("an empty batch", { $0.shape.batch == 0 }), ("a batch", { $0.shape.batch > 1 }),
      (
        "an empty segment",
        { problem in
          problem.segmentBoundaries.map { zip($0, $0.dropFirst()).contains { $0 == $1 } } ?? false
        }
      ), ("many segments", { ($0.segmentBoundaries?.count ?? 0) > 5 }),
      ("K ≠ V", { $0.shape.keyDim != $0.shape.valueDim }),
    ] as [(String, (Problem) -> Bool)] {
      #expect(drawn.count(where: isThere) >= 10, "\(name)")
    }
    #expect(Set(drawn.map(\.shape.groupSize)) == [1, 2, 3, 4])
    #expect(Set(drawn.map(\.levels)) == [0, 1, 2, 3])
    #expect(Set(drawn.map(\.beta)).count == BetaFamily.allCases.count)
    #expect(Set(drawn.map(\.w)).count == WFamily.allCases.count)
    #expect(Set(drawn.map(\.logits)).count == LogitFamily.allCases.count)
    #expect(Set(drawn.compactMap(\.gate)).count == GateFamily.allCases.count)
  }

  @Test("Sizes that are fixed are those of every problem, and the problems make sense")
  func fixedSizes() throws {
    var space = ProblemSpace()
    (space.fixed.length, space.fixed.keyDim, space.fixed.valueDim) = (9, 5, 3)
    (space.fixed.queryHeads, space.fixed.heads, space.fixed.blockSize) = (6, 3, 4)
    for problem in problems(100, seed: 36, space) {
      #expect(problem.shape.length == 9 && problem.shape.keyDim == 5 && problem.shape.valueDim == 3, "\(problem)")
      #expect(problem.shape.queryHeads == 6 && problem.shape.heads == 3 && problem.blockSize == 4, "\(problem)")
      _ = try problem.inputs()
    }
    var queryHeads = ProblemSpace()
    queryHeads.fixed.queryHeads = 5
    for problem in problems(20, seed: 37, queryHeads) { _ = try problem.inputs() }
    var heads = ProblemSpace()
    heads.fixed.heads = 3
    for problem in problems(20, seed: 38, heads) { #expect(try problem.inputs().shape.heads == 3) }
  }

  @Test("Every small problem is there once, makes sense, and the three forms agree on it exactly")
  func smallProblems() throws {
    let problems = ProblemSpace.smallProblems(upTo: 4)
    #expect(Set(problems.map(\.description)).count == problems.count)
    // Cuttings of a length L > 0 are 2^(L−1); block sizes L + 1.
    #expect(problems.count == 32 * (1 * 1 + 1 * 2 + 2 * 3 + 4 * 4 + 8 * 5))
    let result = checkProperty("small problems", on: problems) { problem in
      let inputs = try problem.exactInputs()
      let tables = try problem.forms.map {
        try logits(inputs, problem.exactFunction(), form: $0)
      }
      for segment in 0..<tables[0].segments {
        for head in 0..<tables[0].queryHeads {
          for (form, table) in zip(problem.forms, tables)
          where table[segment, head].entries != tables[0][segment, head].entries {
            return "\(form) differs from the sequential product"
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
    #expect(result.tested == problems.count)
  }

  // MARK: Shrinking

  @Test("Shrinking ends, at the smallest problem that still fails")
  func shrinking() throws {
    func minimal(_ fails: @escaping (Problem) -> Bool) throws -> Problem {
      let result = try checkProperty("shrinking", count: 2000, seed: 39, replay: nil) { fails($0) ? "fails" : nil }
      return try #require(result.failure).minimal
    }
    func problem(_ line: String) throws -> Problem { try Problem(line: line) }
    // Seeds are left as they were drawn.
    func expect(_ found: Problem, _ line: String) throws { #expect(found.description.hasPrefix(line), "\(found)") }
    try expect(
      try minimal { $0.shape.batch > 0 }, "B1 T0 HQ1 H1 K1 V1 block=1 levels=0 beta=one w=unit logits=ordinary seed=")
    try expect(try minimal { $0.shape.tokens >= 7 }, "B1 T7 HQ1 H1 K1 V1 block=1 levels=0 beta=one")
    try expect(
      try minimal { $0.shape.batch > 0 && $0.shape.groupSize == 3 && $0.blockSize > 2 },
      "B1 T0 HQ3 H1 K1 V1 block=3 levels=0")
    try expect(
      try minimal { $0.shape.batch > 0 && $0.levels > 2 && $0.shape.heads == 2 }, "B1 T0 HQ2 H2 K1 V1 block=1 levels=3")
    try expect(
      try minimal {
        $0.shape.batch > 0 && $0.gate == .stepped && $0.convention == .unscaled && $0.w == .keys
      },
      "B1 T0 HQ1 H1 K1 V1 block=1 levels=0 beta=one w=keys logits=ordinary gate=unscaled.stepped")
    try expect(
      try minimal { ($0.segmentBoundaries?.count ?? 0) == 4 && $0.shape.length > 2 && $0.beta == .runs },
      "B1 T3 HQ1 H1 K1 V1 block=1 levels=0 cu=")
  }

  @Test("A property that throws does not hold, and the error is the reason")
  func throwing() {
    let problems = [Problem(shape: AttentionShape(length: 1, queryHeads: 3, heads: 2, keyDim: 1, valueDim: 1))]
    let result = checkProperty("throws", on: problems) { problem in
      _ = try problem.inputs()
      return nil
    }
    #expect(result.failure?.message.contains("query heads must be a multiple") ?? false)
  }
}
