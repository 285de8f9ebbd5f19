import Evidence
import Foundation
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// Certificates: that they hold, what they claim, and that a text that is wrong does not get one.
@Suite struct CertificateTests {
  @Test("Forward, backward, stages and softmax are certified at T = 64, d = 16, blocks of 8 and 7")
  func certificate() throws {
    let certificate = try certify(CertificateRequest(length: 64, keyDim: 16, blockSizes: [8, 7]))
    #expect(certificate.holds, "\(certificate)")
    #expect(certificate.claims.allSatisfy { $0.numbers > 0 && $0.degree > 0 && $0.probability < 1e-12 })
    let polynomial = certificate.claims.filter { $0.name != "online softmax" }
    #expect(polynomial.allSatisfy { $0.probability < 1e-16 }, "\(certificate)")
    let decoded = try JSONDecoder().decode(Certificate.self, from: JSONEncoder().encode(certificate))
    #expect(decoded.description == certificate.description)
  }

  @Test("Shapes of every kind are certified: T at and off block edges, one token, no gate, several points")
  func shapes() throws {
    for length in [1, 2, 5, 8, 9] {
      for gate in [nil, GateConvention.unscaled] {
        let request = CertificateRequest(
          length: length, queryHeads: 4, heads: 2, keyDim: 3, blockSizes: [1, 4, 16], gate: gate, points: 2,
          seed: UInt64(length))
        let certificate = try certify(request)
        #expect(certificate.holds, "\(certificate)")
      }
    }
  }

  @Test("A text that differs in one number of many is named, at every seed")
  func wrongTexts() throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let request = CertificateRequest(length: 9, keyDim: 3, blockSizes: [4], seed: seed)
      let certificate = try certify(request, [OneWrongLogit()])
      #expect(certificate.claims[0].differing == ["wrong"])
      #expect(certificate.holds == false && certificate.description.contains("DIFFER in wrong"))
    }
  }

  /// The logits, and the same with the last one doubled.
  private struct OneWrongLogit: CertifiableIdentity {
    let name = "logits"

    func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
      let numbers = try logits(point.inputs, point.function, form: .compactWY).lowerEntries
      return [
        CertificateBody(name: "right", numbers: numbers), CertificateBody(name: "again", numbers: numbers),
        CertificateBody(name: "wrong", numbers: numbers.dropLast() + [S(2) * numbers.last!]),
      ]
    }
  }

  @Test("The degree is that of the logits as a polynomial along a random line: D + 1 differences vanish, D do not")
  func degrees() throws {
    // Logit (T − 1, 0) has scale, q, k, and β w w for each of T − 1 reflections.
    for (T, degree) in [(1, 3), (2, 6), (5, 15), (9, 27)] {
      let shape = AttentionShape(length: T, queryHeads: 1, heads: 1, keyDim: 2, valueDim: 1)
      let unknowns = try AttentionInputs(
        shape: shape, q: unknowns(.q, shape), k: unknowns(.k, shape), v: unknowns(.v, shape), w: unknowns(.w, shape),
        beta: unknowns(.beta, shape))
      var random = SeededGenerator(seed: UInt64(T))
      let start = try unknowns.map { $1.map { _ in random.fieldElement() } }
      let direction = try unknowns.map { $1.map { _ in random.fieldElement() } }
      let directions = Dictionary(uniqueKeysWithValues: direction.tensors.map { ($0.tensor, $0.entries.entries) })
      for form in [.sequentialProduct, .compactWY, .blockwise(blockSize: 2)] as [AttentionForm] {
        let bound = try logits(unknowns, AttentionFunction(scale: .unknown), form: form)[0, 0][T - 1, 0]
        #expect(bound == Degree(numerator: degree), "\(form)")
        var values = try (0...degree + 1).map { step in
          let λ = PrimeField(step)
          let inputs = try start.map { tensor, entries in zip(entries, directions[tensor]!).map { $0 + λ * $1 } }
          return try logits(inputs, AttentionFunction(scale: λ), form: form)[0, 0][T - 1, 0]
        }
        for _ in 0..<degree { values = zip(values, values.dropFirst()).map { $1 - $0 } }
        #expect(values[0] != .zero && values[0] == values[1], "\(form), T \(T)")
      }
    }
  }

  private func unknowns(_ tensor: AttentionTensor, _ shape: AttentionShape) -> [Degree] {
    Array(repeating: .unknown, count: shape.count(of: tensor))
  }

  @Test("Requests that make no sense are errors")
  func errors() {
    #expect(throws: AttentionError.option(name: "length", expected: "at least 1", found: "0")) {
      try certify(CertificateRequest(length: 0, keyDim: 2, blockSizes: [2]))
    }
    #expect(throws: AttentionError.option(name: "points", expected: "at least 1", found: "0")) {
      try certify(CertificateRequest(length: 2, keyDim: 2, blockSizes: [2], points: 0))
    }
    #expect(throws: AttentionError.option(name: "blockSize", expected: "at least 1", found: "0")) {
      try certify(CertificateRequest(length: 2, keyDim: 2, blockSizes: [0]))
    }
    #expect(throws: AttentionError.heads(queryHeads: 3, heads: 2)) {
      try certify(CertificateRequest(length: 2, queryHeads: 3, heads: 2, keyDim: 2, blockSizes: [2]))
    }
  }
}
