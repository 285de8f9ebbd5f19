import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import Testing

/// Cases that come out exactly: in fractions, and in single precision bit for bit.
@Suite struct ExactCaseTests {
  @Test("The worked cases have the fractions that a person finds by hand")
  func byHand() throws {
    // q₁ H₁ = (1, 2) (7/25, −24/25; −24/25, −7/25) = (−41/25, −38/25), and its product with k₀ = (2, 1) is −24/5.
    let one = WorkedCase.oneReflection
    #expect(one.reflection(1).fractions == [["7/25", "-24/25"], ["-24/25", "-7/25"]])
    #expect(try one.logits(.sequentialProduct).fractions == [["2", "0"], ["-24/5", "3"]])
    // H₁ maps (3, 4) to zero. k₁ = (1, 0) under H₂ with w = (−5/13, 12/13), β = 1/2: (1 − 25/338, 60/338).
    let erasure = WorkedCase.erasure
    #expect(try erasure.logits(.compactWY).fractions == [["7", "0", "0"], ["0", "2", "0"], ["0", "493/338", "3"]])
  }

  @Test("In every worked case the three forms give the same fractions, forward and backward", arguments: WorkedCase.all)
  func forms(worked: WorkedCase) throws {
    let expected = try worked.logits(.sequentialProduct)
    let gradients = try worked.gradients(.sequentialProduct)
    for form in [.compactWY, .blockwise(blockSize: 1), .blockwise(blockSize: 2), .blockwise(blockSize: 3)]
      as [AttentionForm]
    {
      #expect(try worked.logits(form).entries == expected.entries)
      let found = try worked.gradients(form)
      for (a, b) in zip(found.tensors, gradients.tensors) { #expect(a.entries.entries == b.entries.entries) }
    }
    // R is the product of the reflections, the last one first.
    for block in try worked.intermediates() {
      var product = worked.reflection(block.range.upperBound - 1)
      for t in block.range.dropLast().reversed() {
        let next = Matrix<Rational>(rows: product.rows, columns: product.columns)
        multiply(product, worked.reflection(t), into: next)
        product = next
      }
      #expect(block.R.entries == product.entries)
    }
  }

  @Test("The forms in Double are the fractions to rounding", arguments: WorkedCase.all)
  func doubles(worked: WorkedCase) throws {
    let exact = try worked.logits(.sequentialProduct).entries.map(\.approximation)
    let inputs = try worked.inputs.map { $1.map(\.approximation) }
    for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: 2)] as [AttentionForm] {
      let found = try logits(inputs, AttentionFunction(scale: 1), form: form)[0, 0].entries
      #expect(zip(found, exact).allSatisfy { abs($0 - $1) < 1e-14 }, "\(form)")
    }
  }

  // MARK: Bit for bit

  @Test(
    "Float32 equals the definition in Float64 bit for bit at T = 512: logits, outputs and gradients",
    arguments: [nil, GateConvention.scaled, .unscaled])
  func singlePrecision(gate: GateConvention?) throws {
    let fixture = try ExactFixture(length: 512, gate: gate)
    let exactCase = fixture.attentionCase
    let function = exactCase.function
    let expected = try logits(exactCase.inputs, function, form: .sequentialProduct)
    let singles = try exactCase.inputs.map { $1.map { Float($0) } }
    let forms =
      [.sequentialProduct, .compactWY, .blockwise(blockSize: 16, levels: 0)]
      + [16, 64, 100].map { AttentionForm.blockwise(blockSize: $0) }
    for form in forms {
      let found = try logits(singles, AttentionFunction(scale: Float(function.scale), gate: function.gate), form: form)
      #expect(found.lowerEntries.map { Double($0) } == expected.lowerEntries, "\(form)")
      let mismatches = try fixture.mismatches(of: Implementation(form, in: Float.self))
      #expect(mismatches.isEmpty, "\(form): \(mismatches)")
    }
  }

  @Test("Exact fixtures are not trivial: far keys win, ties occur, most outputs are exact, gradients flow everywhere")
  func notTrivial() throws {
    let fixture = try ExactFixture(length: 512)
    #expect(fixture.exactEntries[.o]!.count { $0 } > 512 * 2 * 3 * 3 / 4)
    #expect(fixture.exactEntries[.lse]!.count { $0 } > 512)
    #expect(fixture.exactEntries[.o]!.contains(false) && fixture.exactEntries[.lse]!.contains(false))
    for tensor in [AttentionTensor.dq, .dk, .dv, .dw, .dbeta] {
      #expect(fixture.expected[tensor]!.count { $0 != 0 } > 50, "\(tensor)")
    }
    // A gradient off by one unit in the last place of a Float is seen.
    let off = Implementation(name: "one ulp") { _ in
      var tensors = fixture.expected
      let index = tensors[.dw]!.firstIndex { $0 != 0 }!
      tensors[.dw]![index] = Double(Float(tensors[.dw]![index]).nextUp)
      return tensors
    }
    #expect(try fixture.mismatches(of: off).keys.map(\.rawValue) == ["dw"])
  }

  @Test(
    "Every operation on the fixture is exact in single precision, sums in any order, where the mask says so",
    arguments: [.compactWY, .blockwise(blockSize: 100)] as [AttentionForm])
  func anyOrder(form: AttentionForm) throws {
    let fixture = try ExactFixture(length: 512, queryHeads: 1, gate: .scaled)
    let exactCase = fixture.attentionCase
    let inputs = try exactCase.inputs.map { $1.map { SinglePrecisionProbe($0) } }
    let function = AttentionFunction(
      scale: SinglePrecisionProbe(exactCase.function.scale), gate: exactCase.function.gate)
    let execution = AttentionExecution(form: form)
    let outputs = try attention(inputs, function, execution)
    let gradients = try attentionGradients(
      of: inputs, outputs: outputs, outputCotangent: exactCase.outputCotangent!.map { SinglePrecisionProbe($0) },
      lseCotangent: exactCase.lseCotangent!.map { SinglePrecisionProbe($0) }, execution)
    for (tensor, entries) in [(.o, outputs.o), (.lse, outputs.lse)] + gradients.tensors {
      let inexact = zip(fixture.exactEntries[tensor]!, entries.entries).count { $0 && !$1.isExact }
      #expect(inexact == 0, "\(tensor)")
    }
  }

  @Test("The claim of the fixture holds in fractions: every logit is a multiple of 1/2 and equal in all forms")
  func fractions() throws {
    let exactCase = try ExactFixture(length: 24, queryHeads: 1, quadruples: 1, seed: 3).attentionCase
    let inputs = try exactCase.inputs.map { $1.map { Rational(exactly: $0)! } }
    let expected = try logits(inputs, AttentionFunction(scale: .one), form: .sequentialProduct)
    #expect(expected.lowerEntries.allSatisfy { 2 % $0.denominator == 0 })
    for form in [.compactWY, .blockwise(blockSize: 7)] as [AttentionForm] {
      #expect(try logits(inputs, AttentionFunction(scale: .one), form: form).lowerEntries == expected.lowerEntries)
    }
    let roots: Set<Rational> = [0, 1, -1, Rational(1, 2), Rational(-1, 2)]
    for block in try blockIntermediates(inputs, segment: 0, queryHead: 0, blockSize: 24) {
      #expect(block.R.entries.allSatisfy(roots.contains))
      #expect(block.T.entries.allSatisfy { [0, 2, -2, 4, -4].contains($0) })
      #expect(block.U.entries.allSatisfy { $0.denominator == 1 && $0 * $0 == 0 || roots.contains($0 * Rational(1, 2)) })
    }
  }

  @Test("A fixture that is too long is an error")
  func tooLong() {
    #expect(throws: AttentionError.option(name: "length", expected: "at most 512", found: "513")) {
      try ExactFixture(length: 513)
    }
  }
}
