import Judging
import LinearAlgebra
import PathAttention
import Problems

/// One statement that the suite checks.
public struct SuiteCheck: Sendable {
  /// What kind of check it is.
  public let family: CheckFamily
  /// A few words.
  public let name: String
  /// What holds if it holds, in one line.
  public let statement: String
  /// Whether it says anything about a problem.
  package let applies: @Sendable (Problem) -> Bool
  /// The check in Double, if it is made there.
  package let inDouble: (@Sendable (Problem) throws -> Residual)?
  /// The check over the prime field, if it is made there: no difference is allowed.
  package let exactly: (@Sendable (Problem) throws -> Residual)?

  /// A check, made where there is a closure for it and where it applies.
  public init(
    family: CheckFamily, name: String, statement: String,
    applies: @escaping @Sendable (Problem) -> Bool = { _ in true },
    inDouble: (@Sendable (Problem) throws -> Residual)? = nil, exactly: (@Sendable (Problem) throws -> Residual)? = nil
  ) {
    self.family = family
    self.name = name
    self.statement = statement
    self.applies = applies
    self.inDouble = inDouble
    self.exactly = exactly
  }

  /// The whole suite: the three forms against each other, each against derivatives of the definition and every law.
  public static let all = [outputs, gradients, derivatives] + Law.all.map(law)

  private static let outputs = SuiteCheck(
    family: .agreement, name: "outputs", statement: "the three forms compute the same o and log-sum-exp",
    inDouble: { try agreement(on: $0) { $0.forwardOnly } }, exactly: { try equality(on: $0) { $0.forwardOnly } })

  private static let gradients = SuiteCheck(
    family: .agreement, name: "gradients", statement: "the three forms compute the same dq, dk, dv, dw, dβ and dg",
    inDouble: { try agreement(on: $0) { $0 } }, exactly: { try equality(on: $0) { $0 } })

  private static let derivatives = SuiteCheck(
    family: .agreement, name: "derivatives",
    statement: "they are the derivatives, by dual numbers, of the definition; exactly: of each form itself",
    inDouble: { problem in
      try worst(of: problem.forms) { form in
        let report = try dualGradientCheck(
          Implementation(form), on: problem.attentionCase(), GradientDirections(entries: 3, random: 1),
          problem: problem.description)
        return residual(report)
      }
    },
    exactly: { problem in
      try worst(of: problem.forms) { form in
        residual(try exactGradientCheck(.attention(of: form, problem), on: problem))
      }
    })

  private static func law(_ law: Law) -> SuiteCheck {
    SuiteCheck(
      family: .law, name: law.name, statement: law.statement, applies: { law.applies(to: $0) },
      inDouble: { problem in
        try worst(of: problem.forms) { try law.residual(of: Implementation($0), on: problem) }
      },
      exactly: { problem in
        try worst(of: problem.forms) { try law.exactResidual(of: $0, on: problem) }
      })
  }
}

/// The largest residual of some forms.
private func worst(of forms: [AttentionForm], _ residual: (AttentionForm) throws -> Residual) rethrows -> Residual {
  var worst = Residual()
  for form in forms { worst.note(try residual(form), of: "\(form)") }
  return worst
}

/// How far the results of the other forms are from those of the sequential product, in Double.
private func agreement(
  on problem: Problem, _ part: (LawCase<Double>) -> LawCase<Double>
) throws -> Residual {
  try agreement(on: problem, part) { ImplementationSubject(implementation: Implementation($0)) }
}

/// The same over the prime field.
private func equality(
  on problem: Problem, _ part: (LawCase<PrimeField>) -> LawCase<PrimeField>
) throws -> Residual {
  try agreement(on: problem, part) { FieldSubject(form: $0) }
}

private func agreement<Subject: LawSubject>(
  on problem: Problem, _ part: (LawCase<Subject.Number>) -> LawCase<Subject.Number>,
  _ subject: (AttentionForm) -> Subject
) throws -> Residual {
  let definition = subject(.sequentialProduct)
  let lawCase = part(try definition.lawCase(problem))
  let (expected, bounds) = (try definition.tensors(lawCase), try definition.bounds(lawCase))
  var worst = Residual()
  for form in problem.forms where form != .sequentialProduct {
    let found = try subject(form).tensors(lawCase)
    for tensor in lawCase.results {
      for (x, y) in zip(found[tensor]!, expected[tensor]!) {
        worst.note(
          "\(form): \(tensor)", difference: Subject.Number.distance(x, y), bound: bounds[tensor] ?? 0)
      }
    }
  }
  return worst
}

/// The worst comparison of a gradient check.
private func residual(_ report: GradientCheckReport) -> Residual {
  var worst = Residual()
  for tensor in report.tensors {
    guard let comparison = tensor.worst else { continue }
    let place = comparison.place.map { " at \($0)" } ?? ""
    let isExact = report.method == .exact
    worst.note(
      "\(tensor.name)\(place), against the derivative,", difference: isExact ? .infinity : comparison.excess.value,
      bound: isExact ? 0 : 1)
  }
  return worst
}
