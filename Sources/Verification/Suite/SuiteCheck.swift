import LinearAlgebra
import PathAttention

/// One line of the suite.
struct SuiteCheck: Sendable {
  let family: CheckFamily
  let name: String
  let statement: String
  var applies: @Sendable (Problem) -> Bool = { _ in true }
  /// The check in Double, if it is made there.
  var inDouble: (@Sendable (Problem) throws -> Residual)?
  /// The check over the prime field, if it is made there: no difference is allowed.
  var exactly: (@Sendable (Problem) throws -> Residual)?

  /// The whole suite.
  static let all = [outputs, gradients] + Law.all.map(law)

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
    var check = SuiteCheck(family: .law, name: law.name, statement: law.statement)
    check.applies = { law.applies(to: $0) }
    check.inDouble = { problem in
      try worst(of: problem.forms) { try law.residual(of: Implementation($0), on: problem) }
    }
    if law.isPolynomial {
      check.exactly = { problem in
        try worst(of: problem.forms) { try law.exactResidual(of: $0, on: problem) }
      }
    }
    return check
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
    for (tensor, reference) in expected {
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
