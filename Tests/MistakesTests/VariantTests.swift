import LinearAlgebra
import Judging
import Mistakes
import PathAttention
import Problems
import Testing

/// The program that variants are made of, and the catalogue.
@Suite struct VariantTests {
  // MARK: The program

  @Test("Over the prime field the unchanged program equals the sequential product, logits and gradients")
  func nominalIsExact() throws {
    let result = try checkProperty("nominal program, exactly", count: 120, seed: 11) { problem in
      let equivalence = try VariantCatalogue.nominal.equivalence(on: [problem])
      return equivalence == .equal ? nil : "\(equivalence)"
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("In Double the unchanged program agrees with the library within the rounding bound")
  func nominalWithinBound() throws {
    let result = try checkProperty("nominal program", count: 200, seed: 12) { problem in
      try ReferenceAgreement(problem).disagreement(
        VariantCatalogue.nominal.implementation(blockSize: problem.blockSize))
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("Gradients of a variant that differs forward are the derivatives of what it computes")
  func gradients() throws {
    let problem = try Problem(
      line: "B1 T13 HQ4 H2 K3 V3 block=4 cu=0,2,13 beta=uniform w=shorter gate=scaled.strong seed=5")
    for variant in VariantCatalogue.all where !variant.changesOnlyGradients {
      // Rows that are never written lack their part of the loss, but not of the other gradients.
      if ["ragged.unwritten", "tail.lastRowZero"].contains(variant.id) { continue }
      let attentionCase = AttentionCase(try problem.inputs(), outputCotangent: problem.outputCotangent())
      let implementation = variant.implementation(blockSize: problem.blockSize)
      let gradients = try implementation.evaluate(attentionCase)
      var random = SeededGenerator(seed: 6, part: variant.id)
      let directions = attentionCase.inputs.tensors.map { $0.entries.entries.map { _ in random.normal() } }
      func loss(_ step: Double) throws -> Double {
        let moved = zip(attentionCase.inputs.tensors, directions).map { input, direction in
          zip(input.entries.entries, direction).map { $0 + step * $1 }
        }
        let inputs = try AttentionInputs(
          shape: problem.shape, q: moved[0], k: moved[1], v: moved[2], w: moved[3], beta: moved[4], g: moved[5],
          segmentBoundaries: problem.segmentBoundaries)
        let o = try implementation.evaluate(AttentionCase(inputs))[.o]!
        return zip(o, problem.outputCotangent()).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let predicted = zip([AttentionTensor.dq, .dk, .dv, .dw, .dbeta, .dg], directions).reduce(0) { sum, pair in
        sum + zip(gradients[pair.0]!, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      // Central differences: h² from the third derivative, u/h from rounding.
      let h = 1e-5
      let measured = try (loss(h) - loss(-h)) / (2 * h)
      #expect(abs(measured - predicted) <= 1e-6 * (1 + abs(measured)), "\(variant): \(measured), \(predicted)")
    }
  }

  // MARK: The catalogue

  @Test("The catalogue has the variants by their ids, each once and with a summary")
  func ids() {
    let ids = VariantCatalogue.all.map(\.id)
    #expect(Set(ids).count == ids.count && ids.count >= 90)
    #expect(VariantCatalogue.all.allSatisfy { !$0.summary.isEmpty && !$0.summary.contains("\n") })
    for id in [
      "order.reversed", "interval.closed", "interval.open", "interval.left", "product.none", "product.local",
      "product.orthogonal", "softmax.none", "value.reflected", "causal.strict", "causal.none", "beta.half",
      "beta.minusOne", "beta.one", "beta.squared", "beta.clipped(1.95)", "beta.shifted", "w.shifted", "v.shifted",
      "w.unnormalised(1.1)", "w.epsilon", "ut.noBeta", "ut.betaSide", "ut.sign", "ut.diagonalInside", "ut.transposed",
      "block.transposedR", "block.noIdentity", "block.noCarry", "block.carryBefore", "block.leftToRight",
      "block.rawKeys", "block.rawQueries", "block.noIntra", "window.local", "scale.none", "scale.twice",
      "gate.unscaled", "gate.scaled", "gate.closed", "gate.sign", "gate.dropped", "gate.multiplicative",
      "gate.rowConstant",
    ] {
      #expect(VariantCatalogue[id] != nil, "\(id)")
    }
  }

  @Test("Exact evaluation says which variants are equal to the definition")
  func equivalences() throws {
    var equal: [String] = []
    var equalUnderSoftmax: [String] = []
    for variant in VariantCatalogue.all {
      switch try variant.equivalence() {
      case .equal: equal.append(variant.id)
      case .equalUnderSoftmax: equalUnderSoftmax.append(variant.id)
      case .different, .undecided: break
      }
    }
    #expect(equal == ["gate.carried", "block.packedMasked", "dg.notRestarted"])
    #expect(equalUnderSoftmax == ["gate.rowConstant", "dg.columnsOnly"])
  }

  @Test("Equivalences hold on whole problems, not only on the shapes that decided them")
  func equivalencesElsewhere() throws {
    for id in ["gate.carried", "block.packedMasked", "dg.notRestarted", "gate.rowConstant", "dg.columnsOnly"] {
      let variant = try #require(VariantCatalogue[id])
      let result = try checkProperty("\(id) is equivalent", count: 40, seed: 13) { problem in
        let equivalence = try variant.equivalence(on: [problem])
        return equivalence == .equal || equivalence == .equalUnderSoftmax ? nil : "\(equivalence)"
      }
      #expect(result.failure == nil, "\(result)")
    }
  }

  @Test("A variant needs as many blocks as it says, and depends on the block size only if it says so")
  func blocks() throws {
    func results(_ variant: Variant, _ line: String, blockSize: Int? = nil) throws -> [AttentionTensor: [Double]] {
      let problem = try Problem(line: line)
      return try variant.implementation(blockSize: blockSize ?? problem.blockSize).evaluate(
        AttentionCase(
          problem.inputs(), gate: problem.convention, outputCotangent: problem.outputCotangent(),
          lseCotangent: problem.lseCotangent()))
    }
    func differ(_ a: [AttentionTensor: [Double]], _ b: [AttentionTensor: [Double]]) -> Bool {
      a.contains { tensor, entries in
        let size = entries.map(abs).filter(\.isFinite).max() ?? 0
        return zip(entries, b[tensor] ?? []).contains { !($0 == $1 || abs($0 - $1) <= 1e-9 * (1 + size)) }
      }
    }
    let rest = "HQ4 H2 K5 V4 beta=uniform gate=scaled.strong seed=9"
    for variant in VariantCatalogue.all where variant.dependsOnBlockSize {
      let n = variant.minimumBlocks
      if n > 1 {
        let line = "B1 T\((n - 1) * 4) block=4 \(rest)"
        #expect(!differ(try results(variant, line), try results(VariantCatalogue.nominal, line)), "\(variant)")
      }
      // A last block of three, and for packed sequences one that is shared.
      let line = n == 1 ? "B1 T8 block=4 cu=0,5,8 \(rest)" : "B1 T\(n * 4 - 1) block=4 \(rest)"
      let isDifferent = differ(try results(variant, line), try results(VariantCatalogue.nominal, line))
      #expect(isDifferent == (try variant.equivalence() != .equal), "\(variant) at \(n) blocks")
    }
    for variant in VariantCatalogue.all where !variant.dependsOnBlockSize {
      let line = "B1 T13 cu=0,2,13 \(rest)"
      #expect(
        !differ(try results(variant, line, blockSize: 3), try results(variant, line, blockSize: 64)), "\(variant)")
    }
  }

  @Test("Variants of the gradient alone have the outputs of the definition; the others do not")
  func gradientsOnly() throws {
    let problem = try Problem(
      line: "B1 T18 HQ4 H2 K4 V6 block=4 cu=0,5,7,18 beta=runs w=correlated gate=unscaled.strong seed=3")
    let attentionCase = AttentionCase(try problem.inputs(), gate: problem.convention)
    func outputs(_ variant: Variant) throws -> [[Double]?] {
      let tensors = try variant.implementation(blockSize: 4).evaluate(attentionCase)
      return [tensors[.o], tensors[.lse]]
    }
    let nominal = try outputs(VariantCatalogue.nominal)
    // value.reflected needs K = V, and gate.unscaled is the definition here.
    let unseen = ["value.reflected", "gate.unscaled"]
    func agree(_ a: [[Double]?], _ b: [[Double]?]) -> Bool {
      zip(a, b).allSatisfy { a, b in zip(a ?? [], b ?? []).allSatisfy { abs($0 - $1) <= 1e-12 } }
    }
    for variant in VariantCatalogue.all {
      let isSame = try agree(outputs(variant), nominal)
      if variant.changesOnlyGradients {
        #expect(isSame, "\(variant)")
      } else if try variant.equivalence() != .equal && !unseen.contains(variant.id) {
        #expect(!isSame, "\(variant)")
      }
    }
  }
}
