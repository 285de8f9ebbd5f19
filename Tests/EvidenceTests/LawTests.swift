import Evidence
import Mistakes
import PathAttention
import Problems
import Testing

/// The laws: kept by the three forms, broken by implementations that are wrong.
@Suite struct LawTests {
  @Test("The three forms keep every law in Double on drawn problems", arguments: Law.all.indices)
  func forms(index: Int) throws {
    let law = Law.all[index]
    let result = try checkProperty(law.name, count: 40, seed: 21) { problem in
      for form in problem.forms {
        if let violation = try law.violation(by: Implementation(form, threads: 1), on: problem) {
          return "\(form): \(violation)"
        }
      }
      return nil
    }
    #expect(result.failure == nil, "\(result)")
  }

  @Test("The three forms keep every law exactly over the prime field on drawn problems")
  func exactly() throws {
    for law in Law.all {
      let result = try checkProperty("\(law.name), exactly", count: 25, seed: 22) { problem in
        for form in problem.forms {
          if let violation = try law.exactViolation(by: form, on: problem) { return "\(form): \(violation)" }
        }
        return nil
      }
      #expect(result.failure == nil, "\(result)")
    }
  }

  @Test("Every law speaks of many problems, and is broken by an implementation that is wrong in its way")
  func wrongImplementations() throws {
    var space = ProblemSpace()
    space.logits = [.ordinary]
    space.maximalLength = 12
    space.maximalDim = 4
    var random = SeededGenerator(seed: 23)
    let problems = (0..<30).map { _ in space.problem(using: &random) }
    var unbroken = Set(Law.all.map(\.name))
    for wrong in WrongImplementation.all {
      let broken = try Law.all.filter { law in
        try problems.contains { try law.violation(by: wrong.implementation, on: $0) != nil }
      }.map(\.name)
      #expect(
        Set(wrong.broken).isSubset(of: broken), "\(wrong.implementation.name) breaks \(broken), not \(wrong.broken)")
      unbroken.subtract(broken)
    }
    #expect(unbroken.isEmpty)
    for law in Law.all { #expect(problems.count(where: law.applies) >= 4, "\(law)") }
  }

  @Test("The definition's own program keeps every law; laws alone notice most known mistakes")
  func mutants() throws {
    let laws = MutantTest.laws(problems: 15, seed: 25)
    #expect(try !laws.kills(VariantCatalogue.nominal))
    let variants = try VariantCatalogue.all.filter { try $0.equivalence() == .different }
    let unnoticed = try variants.filter { try !laws.kills($0) }
    #expect(unnoticed.count * 10 <= variants.count, "\(unnoticed) of \(variants.count)")
  }

  @Test("A violation is shrunk to a problem of a few numbers")
  func shrinking() throws {
    let wrong = try #require(WrongImplementation.all.first { $0.implementation.name == "w one token late" })
    let law = try #require(Law.all.first { $0.name == "w = k" })
    let result = try checkProperty("shrinking", count: 60, seed: 24, replay: nil) {
      try law.violation(by: wrong.implementation, on: $0)
    }
    let failure = try #require(result.failure)
    let minimal = failure.minimal.shape
    #expect(
      minimal.length <= 3 && minimal.queryHeads == 1 && minimal.keyDim <= 2 && minimal.valueDim == 1, "\(failure)")
    #expect(result.description.contains("PATH_REPLAY=\"\(failure.minimal)\""))
    let replayed = try checkProperty("shrinking", count: 1, seed: 0, replay: failure.minimal.description) {
      try law.violation(by: wrong.implementation, on: $0)
    }
    #expect(replayed.failure?.original == failure.minimal)
  }

  @Test("A result that is missing, misshapen or not a number is a violation")
  func spoiledResults() throws {
    let problem = try Problem(line: "B1 T5 HQ1 H1 K2 V2 beta=uniform")
    for spoil in [{ $0[.dq] = nil }, { $0[.dq]!.removeLast() }]
      as [@Sendable (inout [AttentionTensor: [Double]]) -> Void]
    {
      let wrong = Implementation(name: "spoiled") { attentionCase in
        var tensors = try Implementation(.compactWY).evaluate(attentionCase)
        spoil(&tensors)
        return tensors
      }
      #expect(throws: AttentionError.self) { try Law.all[0].violation(by: wrong, on: problem) }
    }
    let nan = Implementation(name: "NaN") { attentionCase in
      try Implementation(.compactWY).evaluate(attentionCase).mapValues { $0.map { _ in .nan } }
    }
    for law in Law.all where law.applies(to: problem) {
      #expect(try law.violation(by: nan, on: problem) != nil, "\(law)")
    }
  }
}
