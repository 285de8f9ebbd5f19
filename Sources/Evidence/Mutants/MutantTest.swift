import Judging
import Mistakes
import PathAttention
import Problems

/// One column of the kill matrix: a way of testing an implementation that ought to notice a mutant.
public struct MutantTest: Sendable {
  /// The heading of the column.
  public let name: String
  /// Whether the test notices a variant.
  public let kills: @Sendable (Variant) throws -> Bool

  /// A test of variants.
  public init(_ name: String, kills: @escaping @Sendable (Variant) throws -> Bool) {
    self.name = name
    self.kills = kills
  }

  /// A test of implementations, for which a variant works with blocks of one size.
  public init(
    _ name: String, blockSize: Int, rejects: @escaping @Sendable (Implementation) throws -> Bool
  ) {
    self.init(name) { try rejects($0.implementation(blockSize: blockSize)) }
  }

  /// Agreement with the library within the rounding bound, on problems drawn from the usual space.
  ///
  /// - Throws: `AttentionError` when a drawn problem makes no sense.
  public static func agreement(problems count: Int, seed: UInt64) throws -> MutantTest {
    var random = SeededGenerator(seed: seed, part: "mutants")
    let space = ProblemSpace()
    let references = try (0..<count).map { _ in try ReferenceAgreement(space.problem(using: &random)) }
    return MutantTest("agreement") { variant in
      try references.contains { reference in
        try reference.disagreement(variant.implementation(blockSize: reference.problem.blockSize)) != nil
      }
    }
  }

  /// Every law, on problems drawn from the usual space. No reference takes part.
  public static func laws(problems count: Int, seed: UInt64) -> MutantTest {
    var random = SeededGenerator(seed: seed, part: "mutants")
    let space = ProblemSpace()
    let problems = (0..<count).map { _ in space.problem(using: &random) }
    return MutantTest("laws") { variant in
      do {
        return try problems.contains { problem in
          let implementation = variant.implementation(blockSize: problem.blockSize)
          return try Law.all.contains { try $0.violation(by: implementation, on: problem) != nil }
        }
      } catch AttentionError.count {
        // A result is missing.
        return true
      }
    }
  }

  /// The tests of this library, with enough problems to kill every mutant that is not equivalent.
  ///
  /// - Throws: `AttentionError` when a drawn problem makes no sense.
  public static func all(seed: UInt64) throws -> [MutantTest] {
    [
      try .agreement(problems: 150, seed: seed), .laws(problems: 40, seed: seed), .certificate,
      try .exactFixtures(seed: seed), try .gradientChecks(seed: seed),
    ]
  }

  /// The fixtures that come out exactly: a single entry that differs in a single bit is enough.
  ///
  /// - Throws: What making the fixtures throws.
  public static func exactFixtures(seed: UInt64) throws -> MutantTest {
    let fixtures = try [nil, .scaled, .unscaled].map { gate in
      try ExactFixture(length: 45, queryHeads: 4, heads: 2, gate: gate, seed: seed)
    }
    return MutantTest("exact", blockSize: 8) { implementation in
      do {
        return try fixtures.contains { try !$0.mismatches(of: implementation).isEmpty }
      } catch is ImplementationError {
        // A result is missing.
        return true
      }
    }
  }

  /// Gradients against differences of the implementation's own outputs. Only mistakes of the gradients alone can show here: a
  /// wrong function that is differentiated rightly holds.
  ///
  /// - Throws: `AttentionError` when a problem makes no sense.
  public static func gradientChecks(seed: UInt64) throws -> MutantTest {
    let lines = [
      "B1 T11 HQ4 H2 K3 V2 cu=0,5,11 beta=uniform gate=scaled.strong",
      "B2 T9 HQ2 H1 K2 V3 beta=runs gate=unscaled.strong",
    ]
    let cases = try lines.map { line in
      let problem = try Problem(line: "\(line) seed=\(seed)")
      return (
        problem.description,
        AttentionCase(
          try problem.inputs(), gate: problem.convention, outputCotangent: problem.outputCotangent(),
          lseCotangent: problem.lseCotangent())
      )
    }
    return MutantTest("gradients", blockSize: 4) { implementation in
      do {
        return try cases.contains { line, attentionCase in
          try !differenceGradientCheck(
            implementation, on: attentionCase, GradientDirections(entries: 6, random: 2, seed: seed), problem: line
          ).holds
        }
      } catch is ImplementationError {
        // A result is missing.
        return true
      }
    }
  }

  /// Exact comparison of the logits and their gradients over the prime field. It does not look beyond the logits.
  public static let certificate = MutantTest("certificate") { try $0.equivalence() == .different }
}
