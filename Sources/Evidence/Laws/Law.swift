import Judging
import LinearAlgebra
import PathAttention
import Problems

/// Something that is true of PaTH attention for a reason of its own, so that an implementation can be tested on it without
/// a reference.
///
/// A law is turned on anything that is an `Implementation`, in `Double` within a bound (or bit for bit, where rounding
/// cannot interfere). It is also turned on the three forms of this library over the prime field, with a formal exponential,
/// where it holds exactly. Both are one text, generic over its scalar.
public struct Law: Sendable, CustomStringConvertible {
  /// All laws.
  public static let all =
    [
      SignOfReflections(), LengthOfReflections(), ChangeOfBasis(), OrderOfHeads(), SharedHeads(), ConversionOfGates(),
      ScaleOfQueries(), FirstToken(),
      NoReflections(), RepeatedReflection(), KeysAsReflections(), OrthogonalReflections(), RotaryPositions(),
      NoFuture(), Prefix(), SeparateSequences(), DeadTokens(), CancellingPair(),
      LinearInValues(), ConstantValues(), LinearInCotangents(), ReflectionScalingIdentity(), RotationIdentity(),
      SegmentStartIdentity(),
    ].map(Law.init)

  private let law: any LawBody

  private init(_ law: any LawBody) { self.law = law }

  /// A few words.
  public var name: String { law.name }
  /// What is true, in one line.
  public var statement: String { law.statement }
  /// The name.
  public var description: String { name }
  /// Whether the law says anything about a problem.
  public func applies(to problem: Problem) -> Bool { law.applies(to: problem) }

  /// How far an implementation is from keeping the law on a problem.
  ///
  /// - Throws: What the implementation throws; `AttentionError.count` when it returns a tensor that is missing or misshapen.
  /// - Precondition: The law applies to the problem.
  public func residual(of implementation: Implementation, on problem: Problem) throws -> Residual {
    try residual(of: ImplementationSubject(implementation: implementation), on: problem)
  }

  /// What is wrong with an implementation on a problem; nil if it keeps the law, or the law does not apply.
  public func violation(by implementation: Implementation, on problem: Problem) throws -> String? {
    guard applies(to: problem) else { return nil }
    return try residual(of: implementation, on: problem).violation
  }

  /// What is wrong with a form of this library over the prime field on a problem; nil if it keeps the law exactly, or the
  /// law does not apply.
  public func exactViolation(by form: AttentionForm, on problem: Problem) throws -> String? {
    guard applies(to: problem) else { return nil }
    return try exactResidual(of: form, on: problem).violation
  }

  /// - Precondition: The law applies to the problem.
  func exactResidual(of form: AttentionForm, on problem: Problem) throws -> Residual {
    try residual(of: FieldSubject(form: form), on: problem)
  }

  private func residual<Subject: LawSubject>(of subject: Subject, on problem: Problem) throws -> Residual {
    var trial = try LawTrial(subject, problem, random: SeededGenerator(seed: problem.seed, part: name))
    try law.check(&trial)
    return trial.residual
  }
}

/// The text of a law, over any scalar.
protocol LawBody: Sendable {
  var name: String { get }
  var statement: String { get }
  func applies(to problem: Problem) -> Bool
  /// Evaluates what it needs of the trial's subject and lays found and expected tensors before the trial.
  func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws
}

extension LawBody {
  package func applies(to problem: Problem) -> Bool { true }
}
