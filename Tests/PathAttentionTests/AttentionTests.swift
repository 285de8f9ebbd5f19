import PathAttention
import Problems
import Testing

/// What the public entry points promise beyond the mathematics.
@Suite struct AttentionTests {
  private func inputs(_ line: String) throws -> AttentionInputs<Double> { try Problem(line: line).inputs() }

  @Test(
    "Results do not depend on the number of threads, bit for bit",
    arguments: [
      "B2 T33 HQ4 H2 K5 V3 block=8 beta=uniform gate=scaled.strong seed=3",
      // Long enough for threads to be at work at the same time.
      "B1 T500 HQ6 H1 K12 V8 block=8 beta=uniform gate=scaled.weak seed=4",
    ])
  func threads(line: String) throws {
    let problem = try Problem(line: line)
    let inputs = try problem.inputs()
    for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: 8)] as [AttentionForm] {
      let results = try [1, 2, 5].map { threads in
        let execution = AttentionExecution(form: form, threads: threads)
        let outputs = try attention(inputs, execution)
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: problem.outputCotangent(), execution)
        return [outputs.o.entries, outputs.lse.entries] + gradients.tensors.map(\.entries.entries)
      }
      #expect(results[0] == results[1] && results[0] == results[2], "\(form), \(line)")
    }
  }

  @Test("Segments and sequences do not see each other, bit for bit")
  func segmentsAreSeparate() throws {
    let packed = try Problem(line: "B1 T20 HQ2 H1 K4 V4 cu=0,0,7,8,20 beta=uniform gate=unscaled.strong seed=5")
      .inputs()
    let whole = try attention(
      packed, packed.function(gate: .unscaled), AttentionExecution(form: .blockwise(blockSize: 3)))
    for segment in packed.segments {
      func rows(_ tensor: TokenTensor<Double>) -> [Double] {
        segment.flatMap { Array(tensor.matrix.view.row($0)) }
      }
      let alone = try AttentionInputs(
        shape: AttentionShape(length: segment.count, queryHeads: 2, heads: 1, keyDim: 4, valueDim: 4),
        q: rows(packed.q), k: rows(packed.k), v: rows(packed.v), w: rows(packed.w), beta: rows(packed.beta),
        g: rows(packed.g!))
      let outputs = try attention(
        alone, alone.function(gate: .unscaled), AttentionExecution(form: .blockwise(blockSize: 3)))
      #expect(outputs.o.entries == rows(whole.o))
      #expect(outputs.lse.entries == rows(whole.lse))
    }
  }

  @Test("The two gate conventions convert: g_unscaled = scale · g_scaled")
  func gateConventions() throws {
    // A power of two as scale makes the conversion exact, so the results must be equal bit for bit.
    let scaled = try inputs("B1 T19 HQ4 H2 K4 V2 beta=uniform gate=scaled.strong seed=8")
    let unscaled = try AttentionInputs(
      shape: scaled.shape, q: scaled.q.entries, k: scaled.k.entries, v: scaled.v.entries, w: scaled.w.entries,
      beta: scaled.beta.entries, g: scaled.g!.entries.map { 0.25 * $0 })
    let a = try attention(scaled, AttentionFunction(scale: 0.25, gate: .scaled))
    let b = try attention(unscaled, AttentionFunction(scale: 0.25, gate: .unscaled))
    #expect(a.o.entries == b.o.entries)
    #expect(a.lse.entries == b.lse.entries)
    let other = try attention(scaled, AttentionFunction(scale: 0.25, gate: .unscaled))
    #expect(largestDifference(a.o.entries, other.o.entries) > 1e-3)
  }

  @Test("Logits as large as Double holds give finite outputs, and the largest one wins")
  func saturation() throws {
    let inputs = try AttentionInputs(
      shape: AttentionShape(length: 2, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: [0x1p1000, 0x1p1000],
      k: [0x1p23, -0x1p23], v: [3, 5], w: [0, 0], beta: [0, 0])
    for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: 1), .blockwise()] as [AttentionForm] {
      let outputs = try attention(inputs, AttentionFunction(scale: 1), AttentionExecution(form: form))
      #expect(outputs.o.entries == [3, 3])
      #expect(outputs.lse.entries == [0x1p1023, 0x1p1023])
    }
  }

  @Test("A cumulative gate of −10⁶ does not cost digits")
  func longGate() throws {
    // Far down the sequence the gate of neighbours is a small difference of large sums.
    let T = 2000
    let g = (0..<T).map { $0 < T - 2 ? -1000.1 : -0.1 }
    func lastRow(_ g: [Double]) throws -> [Double] {
      let n = g.count
      let ones = [Double](repeating: 1, count: n)
      let inputs = try AttentionInputs(
        shape: AttentionShape(length: n, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: ones, k: ones,
        v: (0..<n).map { Double(n - $0) }, w: ones, beta: ones.map { _ in 0 }, g: g)
      return [try attention(inputs, AttentionFunction(scale: 1)).o.entries.last!]
    }
    let expected = try lastRow([-1000.1, -0.1, -0.1])
    #expect(largestDifference(try lastRow(g), expected) < 4e-16 * expected[0] * 4)
  }

  @Test("The gradient of a gate is not lost between larger ones that cancel")
  func gateGradient() throws {
    // Row 2 is shared by keys 0 and 2, row 3 by keys 1 and 3. The gradient of the logit (3, 1) is 2⁵⁴ times larger than that of
    // (2, 0), and has to cancel from the gradient of g₁, which stands before (3, 1) but not before (2, 0).
    let inputs = try AttentionInputs(
      shape: AttentionShape(length: 4, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: [0, 0, -1, 1],
      k: [-2000, 0, -2000, 0], v: [1, 2, 4, 8], w: [1, 1, 1, 1], beta: [0, 0, 0, 0], g: [0, 0, 0, 0])
    for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: 2)] as [AttentionForm] {
      let function = AttentionFunction(scale: 1)
      let execution = AttentionExecution(form: form)
      let gradients = try attentionGradients(
        of: inputs, outputs: attention(inputs, function, execution), outputCotangent: [0, 0, 1, 0x1p54],
        execution)
      #expect(gradients.dg!.entries == [0, -0.75, -1.5 * 0x1p54 - 0.75, -1.5 * 0x1p54], "\(form)")
    }
  }

  @Test("Length 0 and an empty batch give empty results")
  func empty() throws {
    for line in ["B1 T0 HQ2 H1 K3 V2", "B0 T5 HQ2 H1 K3 V2", "B1 T0 HQ2 H1 K3 V2 cu=0,0,0 gate=scaled.weak"] {
      let inputs = try inputs(line)
      for form in [.sequentialProduct, .compactWY, .blockwise()] as [AttentionForm] {
        let outputs = try attention(inputs, AttentionExecution(form: form))
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: [], AttentionExecution(form: form))
        #expect(outputs.o.entries.isEmpty && gradients.tensors.allSatisfy { $0.entries.entries.isEmpty })
      }
    }
  }

  @Test("Arguments that do not fit are named")
  func errors() throws {
    let shape = AttentionShape(length: 2, queryHeads: 2, heads: 1, keyDim: 1, valueDim: 1)
    func make(
      _ shape: AttentionShape, q: [Double] = [1, 2, 3, 4], boundaries: [Int]? = nil
    ) throws -> AttentionInputs<Double> {
      try AttentionInputs(
        shape: shape, q: q, k: [1, 2], v: [1, 2], w: [1, 1], beta: [1, 1], segmentBoundaries: boundaries)
    }
    #expect(throws: AttentionError.heads(queryHeads: 3, heads: 2)) {
      try make(AttentionShape(length: 2, queryHeads: 3, heads: 2, keyDim: 1, valueDim: 1))
    }
    #expect(throws: AttentionError.size(name: "keyDim", found: 0)) {
      try make(AttentionShape(length: 2, queryHeads: 2, heads: 1, keyDim: 0, valueDim: 1))
    }
    #expect(throws: AttentionError.size(name: "length", found: -1)) {
      try make(AttentionShape(length: -1, queryHeads: 2, heads: 1, keyDim: 1, valueDim: 1))
    }
    #expect(throws: AttentionError.count(tensor: "q", expected: 4, found: 3)) { try make(shape, q: [1, 2, 3]) }
    for boundaries in [[], [0], [1, 2], [0, 3], [0, 2, 1, 2]] {
      #expect(throws: AttentionError.self) { try make(shape, boundaries: boundaries) }
    }
    #expect(throws: AttentionError.notFinite(tensor: "q", index: 2, value: "nan")) {
      try attention(make(shape, q: [1, 2, .nan, 4]))
    }
    #expect(throws: AttentionError.option(name: "blockSize", expected: "at least 1", found: "0")) {
      try attention(make(shape), AttentionExecution(form: .blockwise(blockSize: 0)))
    }
    #expect(throws: AttentionError.option(name: "scale", expected: "finite", found: "inf")) {
      try attention(make(shape), AttentionFunction(scale: .infinity))
    }
    let outputs = try attention(make(shape))
    #expect(throws: AttentionError.count(tensor: "do", expected: 4, found: 1)) {
      try attentionGradients(of: make(shape), outputs: outputs, outputCotangent: [1])
    }
    #expect(throws: AttentionError.notFinite(tensor: "do", index: 0, value: "inf")) {
      try attentionGradients(of: make(shape), outputs: outputs, outputCotangent: [.infinity, 0, 0, 0])
    }
  }
}
