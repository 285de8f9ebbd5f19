import LinearAlgebra
import PathAttention

/// One statement that the suite checks.
public struct SuiteCheck: Sendable {
  /// What kind of check it is.
  public let family: CheckFamily
  /// A few words.
  public let name: String
  /// What holds if it holds, in one line.
  public let statement: String
  /// Whether it says anything about a problem.
  let applies: @Sendable (Problem) -> Bool
  /// The check in Double, if it is made there.
  let inDouble: (@Sendable (Problem) throws -> Residual)?
  /// The check over the prime field, if it is made there: no difference is allowed.
  let exactly: (@Sendable (Problem) throws -> Residual)?

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

  /// The whole suite: the three forms against each other, and each against every law.
  public static let all = [outputs, gradients] + Law.all.map(law)

  private static let outputs = SuiteCheck(
    family: .agreement, name: "outputs",
    statement: "the three forms compute the same o and log-sum-exp; exactly: the same logits",
    inDouble: { problem in
      try agreement(of: problem.forms, on: AttentionCase(problem.inputs(), gate: problem.convention))
    },
    exactly: { problem in
      let inputs = try problem.exactInputs()
      return try equality(of: problem.forms) { form in
        let table = try logits(inputs, scale: problem.exactScale(), gate: problem.convention, form: form)
        return (0..<table.segments).flatMap { segment in
          (0..<table.queryHeads).map { ("S of segment \(segment), query head \($0)", table[segment, $0].entries) }
        }
      }
    })

  private static let gradients = SuiteCheck(
    family: .agreement, name: "gradients",
    statement: "the three forms compute the same dq, dk, dv, dw, dβ, dg; exactly: from a cotangent of the logits",
    inDouble: { problem in try agreement(of: problem.forms, on: problem.attentionCase()) },
    exactly: { problem in
      let inputs = try problem.exactInputs()
      let cotangent = problem.exactLogitCotangent(inputs)
      return try equality(of: problem.forms) { form in
        let gradients = try logitGradients(
          of: inputs, cotangent: cotangent, scale: problem.exactScale(), gate: problem.convention, form: form)
        return [
          ("dq", gradients.dq.entries), ("dk", gradients.dk.entries), ("dw", gradients.dw.entries),
          ("dβ", gradients.dbeta.entries), ("dg", gradients.dg?.entries ?? []),
        ]
      }
    })

  private static func law(_ law: Law) -> SuiteCheck {
    let exactly: @Sendable (Problem) throws -> Residual = { problem in
      try worst(of: problem.forms) { try law.exactResidual(of: $0, on: problem) }
    }
    return SuiteCheck(
      family: .law, name: law.name, statement: law.statement, applies: { law.applies(to: $0) },
      inDouble: { problem in
        try worst(of: problem.forms) { try law.residual(of: Implementation($0), on: problem) }
      }, exactly: law.isPolynomial ? exactly : nil)
  }
}

/// The largest residual of some forms.
private func worst(of forms: [AttentionForm], _ residual: (AttentionForm) throws -> Residual) rethrows -> Residual {
  var worst = Residual()
  for form in forms { worst.note(try residual(form), of: "\(form)") }
  return worst
}

/// How far the results of forms are from those of the first one.
private func agreement(of forms: [AttentionForm], on attentionCase: AttentionCase) throws -> Residual {
  let inputs = attentionCase.inputs
  let bound = ErrorBound(
    inputs, scale: attentionCase.scale ?? 1 / Double(inputs.shape.keyDim).squareRoot(), gate: attentionCase.gate,
    outputCotangent: attentionCase.outputCotangent ?? [], lseCotangent: attentionCase.lseCotangent ?? [])
  let expected = try Implementation(forms[0]).evaluate(attentionCase)
  var worst = Residual()
  for form in forms.dropFirst() {
    let found = try Implementation(form).evaluate(attentionCase)
    for tensor in AttentionTensor.allCases {
      guard let reference = expected[tensor] else { continue }
      for (x, y) in zip(found[tensor]!, reference) {
        worst.note("\(form): \(tensor)", difference: Double.distance(x, y), bound: bound.entries[tensor]!)
      }
    }
  }
  return worst
}

/// Whether forms compute the very numbers of the first one.
private func equality(
  of forms: [AttentionForm], _ numbers: (AttentionForm) throws -> [(name: String, entries: [PrimeField])]
) rethrows -> Residual {
  let expected = try numbers(forms[0])
  var worst = Residual()
  for form in forms.dropFirst() {
    for (found, expected) in zip(try numbers(form), expected) where found.entries != expected.entries {
      worst.note("\(form): \(found.name)", difference: .infinity, bound: 0)
    }
  }
  return worst
}
