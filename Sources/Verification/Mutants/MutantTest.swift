import PathAttention

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
    [try .agreement(problems: 150, seed: seed), .laws(problems: 40, seed: seed), .certificate]
  }

  /// Exact comparison of the logits and their gradients over the prime field. It does not look beyond the logits.
  public static let certificate = MutantTest("certificate") { try $0.equivalence() == .different }
}
