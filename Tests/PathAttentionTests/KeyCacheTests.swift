import Judging
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// Decoding on a cache against the full pass.
@Suite struct KeyCacheTests {
  static let forms: [AttentionForm] = [.sequentialProduct, .compactWY, .blockwise(blockSize: 5)]

  // MARK: Exactly, over the prime field

  /// A split of T tokens into chunks is a path from 0 to T whose steps are chunks. If every chunk s ..< e, put on the cache
  /// of the first s tokens, gives the logits of the full pass and the cache of the first e tokens, then by induction so does
  /// every one of the 2²³ splits.
  @Test("Every split of 24 tokens into chunks gives the logits of the full pass", arguments: forms)
  func everySplit(form: AttentionForm) throws {
    let problem = try Problem(line: "B1 T24 HQ2 H1 K3 V2 beta=uniform gate=scaled.weak seed=7")
    let inputs = try problem.exactInputs()
    let function = AttentionFunction(scale: PrimeField(987_654_321))
    let full = try logits(inputs, function, form: .sequentialProduct)
    var caches = [try KeyCache(sequences: 1, layout: inputs.headLayout, function)]
    for t in 0..<24 {
      caches.append(caches[t])
      try caches[t + 1].append(inputs.packed([t..<t + 1]), form: .sequentialProduct)
    }
    for start in 0..<24 {
      for end in start + 1...24 {
        var cache = caches[start]
        let rows = try cache.appendForLogits(inputs.packed([start..<end]), form: form)[0]
        for head in 0..<2 {
          let expected = full[0, head].view.rows(start..<end).columns(0..<end).copy()
          #expect(rows[head].entries == expected.entries, "tokens \(start) ..< \(end), head \(head)")
        }
        #expect(
          cache.keys(sequence: 0, head: 0).copy().entries == caches[end].keys(sequence: 0, head: 0).copy().entries)
        #expect(cache.lengths == [end])
      }
    }
  }

  @Test("Packed sequences of different lengths, in random chunks, give the logits of the full pass exactly")
  func packedChunks() throws {
    let result = try checkProperty("exact decoding", count: 200, seed: 11) { problem in
      let inputs = try problem.exactInputs()
      let function = AttentionFunction(scale: PrimeField(12345), gate: problem.convention)
      let full = try logits(inputs, function, form: .sequentialProduct)
      for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: problem.blockSize)] as [AttentionForm] {
        var cache = try KeyCache(sequences: inputs.segments.count, layout: inputs.headLayout, function)
        for chunks in randomChunks(problem, inputs.segments) {
          let before = cache.lengths
          let tables = try cache.appendForLogits(inputs.packed(chunks), form: form)
          for (sequence, chunk) in chunks.enumerated() {
            let rows = before[sequence]..<before[sequence] + chunk.count
            for head in 0..<problem.shape.queryHeads {
              let expected = full[sequence, head].view.rows(rows).columns(0..<rows.upperBound).copy()
              if tables[sequence][head].entries != expected.entries { return "\(form): rows \(rows) of \(sequence)" }
            }
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Each form of prefill hands out the same cache, exactly")
  func prefillForms() throws {
    let result = try checkProperty("exact prefill", count: 150, seed: 12) { problem in
      let inputs = try problem.exactInputs()
      let caches = try ([.sequentialProduct, .compactWY, .blockwise(blockSize: problem.blockSize)] as [AttentionForm])
        .map { form in
          var cache = try KeyCache(
            sequences: inputs.segments.count, layout: inputs.headLayout, problem.exactFunction())
          try cache.append(inputs, form: form)
          return cache
        }
      for sequence in inputs.segments.indices {
        for head in 0..<problem.shape.heads {
          let keys = caches.map { $0.keys(sequence: sequence, head: head).copy().entries }
          if keys[0] != keys[1] || keys[0] != keys[2] { return "keys of sequence \(sequence), head \(head)" }
          let values = inputs.v.window(inputs.segments[sequence], head: head).copy().entries
          if caches[2].values(sequence: sequence, head: head).copy().entries != values { return "values" }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  // MARK: In Double

  @Test("Outputs and log-sum-exp of prefill and random chunks agree with the full pass, within the rounding bound")
  func chunks() throws {
    let result = try checkProperty("decoding", count: 200, seed: 13) { problem in
      let inputs = try problem.inputs()
      let function = inputs.function(gate: problem.convention)
      let bound = ErrorBound(inputs, function)
      let full = try attention(inputs, function, AttentionExecution(form: .sequentialProduct))
      for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: problem.blockSize)] as [AttentionForm] {
        let chunks = randomChunks(problem, inputs.segments)
        guard let prompt = chunks.first else { continue }
        var (outputs, cache) = try prefill(inputs.packed(prompt), function, AttentionExecution(form: form))
        var results = [(prompt, outputs.o, outputs.lse)]
        for chunk in chunks.dropFirst() {
          let outputs = try cache.attend(to: inputs.packed(chunk), form: form)
          results.append((chunk, outputs.o, outputs.lse))
        }
        for (chunk, o, lse) in results {
          let tokens = chunk.flatMap { Array($0) }
          for (row, token) in tokens.enumerated() {
            for (found, expected, tensor) in [(o, full.o, AttentionTensor.o), (lse, full.lse, .lse)] {
              let difference = largestDifference(
                Array(found.matrix.view.row(row)), Array(expected.matrix.view.row(token)))
              if !(difference <= bound.entries[tensor]!) {
                return "\(form): \(tensor) of token \(token) off by \(difference), bound \(bound.entries[tensor]!)"
              }
            }
          }
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test(
    "2,000 tokens decoded one by one agree with the full pass, within the rounding bound", arguments: [false, true])
  func longDecoding(gated: Bool) throws {
    let gate = gated ? "gate=unscaled.strong " : ""
    let inputs = try Problem(line: "B1 T2000 HQ2 H1 K16 V8 beta=runs w=correlated \(gate)seed=21").inputs()
    let function = inputs.function(gate: .unscaled)
    let full = try attention(inputs, function)
    var cache = try KeyCache(sequences: 1, layout: inputs.headLayout, function)
    var (o, lse): ([Double], [Double]) = ([], [])
    for t in 0..<2000 {
      let outputs = try cache.attend(to: inputs.packed([t..<t + 1]))
      o += outputs.o.entries
      lse += outputs.lse.entries
    }
    let bound = ErrorBound(inputs, function)
    #expect(largestDifference(o, full.o.entries) <= bound.entries[.o]!)
    #expect(largestDifference(lse, full.lse.entries) <= bound.entries[.lse]!)
    // The bound covers every problem of this size; on this one 3e-15 was measured.
    #expect(bound.entries[.o]! < 1e-6)
    #expect(largestDifference(o, full.o.entries) < 1e-13)
  }

  @Test("A cumulative gate of −2·10⁶ does not cost digits", arguments: forms)
  func longGate(form: AttentionForm) throws {
    // Far down the sequence the gate of neighbours is a small difference of large sums.
    let T = 2000
    func last(_ g: [Double]) throws -> Double {
      let n = g.count
      let ones = [Double](repeating: 1, count: n)
      let inputs = try AttentionInputs(
        shape: AttentionShape(length: n, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: ones, k: ones,
        v: (0..<n).map { Double(n - $0) }, w: ones, beta: ones.map { _ in 0 }, g: g)
      var (_, cache) = try prefill(inputs.packed([0..<n - 2]), AttentionFunction(scale: 1))
      return try cache.attend(to: inputs.packed([n - 2..<n]), form: form).o.entries[1]
    }
    let expected = try last([-1000.1, -0.1, -0.1])
    let found = try last((0..<T).map { $0 < T - 2 ? -1000.1 : -0.1 })
    #expect(abs(found - expected) < 2e-15 * expected)
  }

  // MARK: What a cache is

  @Test("A cache is a value: a copy can go another way")
  func copies() throws {
    let inputs = try Problem(line: "B1 T8 HQ1 H1 K4 V4 beta=uniform seed=3").inputs()
    // Two tokens taken in after three leave room for one more in memory, which a copy must not share.
    var (_, cache) = try prefill(inputs.packed([0..<3]))
    for t in 3..<5 { _ = try cache.attend(to: inputs.packed([t..<t + 1])) }
    let before = cache.keys(sequence: 0, head: 0).copy().entries
    var copy = cache
    _ = try copy.attend(to: inputs.packed([6..<7]))
    #expect(cache.keys(sequence: 0, head: 0).copy().entries == before)
    let values = copy.values(sequence: 0, head: 0).copy().entries
    let a = try cache.attend(to: inputs.packed([5..<6])).o.entries
    let expected = try attention(inputs).o.entries
    #expect(largestDifference(a, Array(expected[20..<24])) < 1e-14)
    #expect(copy.lengths == [6] && cache.lengths == [6])
    #expect(copy.values(sequence: 0, head: 0).copy().entries == values)
  }

  @Test("Storage rounds keys whenever they are written, and values once")
  func storage() throws {
    let inputs = try Problem(line: "B1 T30 HQ2 H2 K4 V3 beta=uniform seed=4").inputs()
    let round: @Sendable (Double) -> Double = { Double(Float($0)) }
    var (_, cache) = try prefill(inputs.packed([0..<10]), roundStored: round)
    _ = try cache.attend(to: inputs.packed([10..<30]))
    var (_, exact) = try prefill(inputs.packed([0..<10]))
    _ = try exact.attend(to: inputs.packed([10..<30]))
    for head in 0..<2 {
      let keys = cache.keys(sequence: 0, head: head).copy().entries
      #expect(keys.allSatisfy { $0 == round($0) })
      let difference = largestDifference(keys, exact.keys(sequence: 0, head: head).copy().entries)
      #expect(difference > 0 && difference < 1e-5)
      let values = inputs.v.window(0..<30, head: head).copy().entries.map(round)
      #expect(cache.values(sequence: 0, head: head).copy().entries == values)
    }
  }

  @Test("Errors name what does not fit, and leave the cache as it was")
  func errors() throws {
    let inputs = try Problem(line: "B1 T6 HQ2 H1 K4 V3 beta=uniform seed=5").inputs()
    var (_, cache) = try prefill(inputs)
    let before = cache.keys(sequence: 0, head: 0).copy().entries
    func expectError(_ line: String, _ expected: AttentionError) throws {
      let other = try Problem(line: line).inputs()
      #expect(throws: expected) { try cache.attend(to: other) }
    }
    try expectError(
      "B1 T1 HQ2 H1 K5 V3 seed=1",
      .cache(expected: "HQ 2, H 1, K 4, V 3, no gate", found: "HQ 2, H 1, K 5, V 3, no gate"))
    try expectError(
      "B1 T1 HQ2 H1 K4 V3 gate=scaled.weak seed=1",
      .cache(expected: "HQ 2, H 1, K 4, V 3, no gate", found: "HQ 2, H 1, K 4, V 3, a gate"))
    try expectError("B2 T1 HQ2 H1 K4 V3 seed=1", .cache(expected: "1 sequences", found: "2"))
    let nan = try inputs.packed([0..<1]).replacing(k: [.nan, 0, 0, 0])
    #expect(throws: AttentionError.notFinite(tensor: "k", index: 0, value: "nan")) { try cache.attend(to: nan) }
    #expect(throws: AttentionError.option(name: "blockSize", expected: "at least 1", found: "0")) {
      try cache.append(inputs, form: .blockwise(blockSize: 0))
    }
    #expect(throws: AttentionError.size(name: "keyDim", found: 0)) {
      try KeyCache<Double>(
        sequences: 1, layout: HeadLayout(queryHeads: 1, heads: 1, keyDim: 0, valueDim: 1, gated: false),
        AttentionFunction(scale: 1))
    }
    #expect(throws: AttentionError.size(name: "batch", found: -1)) {
      try KeyCache<Double>(
        sequences: -1, layout: HeadLayout(queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1, gated: false),
        AttentionFunction(scale: 1))
    }
    #expect(cache.keys(sequence: 0, head: 0).copy().entries == before && cache.lengths == [6])
  }
}

/// Sequences of chunks, one range for each segment, that together cover every segment in order. A chunk may be empty.
private func randomChunks(_ problem: Problem, _ segments: [Range<Int>]) -> [[Range<Int>]] {
  var random = SeededGenerator(seed: problem.seed, part: "chunks")
  var position = segments.map(\.lowerBound)
  var chunks: [[Range<Int>]] = []
  while zip(position, segments).contains(where: { $0 < $1.upperBound }) {
    chunks.append(
      segments.indices.map { index in
        let end = min(segments[index].upperBound, position[index] + Int.random(in: 0...7, using: &random))
        defer { position[index] = end }
        return position[index]..<end
      })
  }
  return chunks
}
