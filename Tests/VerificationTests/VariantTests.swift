import LinearAlgebra
import PathAttention
import Testing

import Verification

/// The program that variants are made of, and the catalogue.
@Suite struct VariantTests {
  // MARK: The nominal program

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
      try agreement(VariantCatalogue.nominal.implementation(blockSize: problem.blockSize), problem)
    }
    #expect(result.failure == nil, "\(result)")
  }
}

/// Nil if an implementation agrees with the library on a problem, with gradients of o and of the log-sum-exp.
func agreement(_ implementation: Implementation, _ problem: Problem) throws -> String? {
  let inputs = try problem.inputs()
  let attentionCase = AttentionCase(
    inputs, gate: problem.convention, outputCotangent: problem.outputCotangent(),
    lseCotangent: problem.lseCotangent())
  let expected = try Implementation(.sequentialProduct, threads: 1).evaluate(attentionCase)
  let found = try implementation.evaluate(attentionCase)
  let bound = ErrorBound(
    inputs, scale: 1 / Double(inputs.shape.keyDim).squareRoot(), gate: problem.convention,
    outputCotangent: problem.outputCotangent(), lseCotangent: problem.lseCotangent())
  for (tensor, entries) in expected.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
    guard let candidate = found[tensor] else { return "\(tensor) is missing" }
    let difference = zip(entries, candidate).map { abs($0 - $1) }.max() ?? 0
    if !(difference <= bound.entries[tensor]!) {
      return "\(tensor) off by \(difference), bound \(bound.entries[tensor]!)"
    }
  }
  return nil
}
