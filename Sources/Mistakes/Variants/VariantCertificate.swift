import LinearAlgebra
import PathAttention
import Problems

/// What exact evaluation says of a variant and the definition.
public enum VariantEquivalence: String, Sendable, Codable {
  /// They differ: shown by one evaluation, without doubt.
  case different
  /// Logits and their gradients are equal, so everything is.
  case equal
  /// The logits differ by a constant of each row, or only the gradient of such constants differs. The softmax does not see
  /// it: o, and gradients of what depends on o alone, are equal; the log-sum-exp or its gradient is not.
  case equalUnderSoftmax
  /// The difference lies outside the logits, which are equal, or the logits are no polynomials.
  case undecided
}

extension Variant {
  /// Compares the variant with the sequential product over the prime field: the logits and their gradients, at uniformly
  /// random points.
  ///
  /// Logits and gradients are polynomials in the inputs, so a difference at one point is a proof that they differ, and
  /// equality at one point shows them equal for that shape except with probability at most degree/p, below 10⁻¹⁵
  /// (Schwartz, Zippel). A gradient is compared twice: for a random cotangent of the logits, and for one whose rows sum to
  /// zero, as those of a softmax do.
  ///
  /// - Parameter problems: The shapes; the families of β and w are not looked at.
  /// - Throws: `AttentionError` when a problem makes no sense.
  public func equivalence(
    on problems: [Problem] = Variant.certificateProblems
  ) throws(AttentionError) -> VariantEquivalence {
    guard hasExactLogits else { return .undecided }
    var result = VariantEquivalence.equal
    for problem in problems {
      switch try ExactComparison(self, problem).result {
      case .different: return .different
      case .equalUnderSoftmax: result = .equalUnderSoftmax
      default: break
      }
    }
    guard result == .equal || result == .equalUnderSoftmax, changesOnlyLogits else {
      return .undecided
    }
    return result
  }

  /// Whether everything that differs is in the logits and their gradients.
  private var changesOnlyLogits: Bool {
    let nominal = ProgramChoices()
    return inputChange == nil && outputChange == nil && choices.weighting == nominal.weighting
      && choices.gate != .multiplicative && choices.reflectsValues == nominal.reflectsValues
      && choices.readsPreviousValue == nominal.readsPreviousValue
      && choices.logSumExp == nominal.logSumExp && choices.mask != .zeroInSum
      && choices.unwrittenRows == nominal.unwrittenRows
      && !choices.backward.missing.contains(.normaliser)
      && choices.backward.normalisesValueCotangent && choices.backward.usesLogSumExpCotangent
      && choices.backward.overwritten.isDisjoint(with: .dv) && choices.backward.summedByModulo.isDisjoint(with: .dv)
  }

  /// Shapes that every known variant of the logits shows itself in: several blocks with a shorter last one, segments that
  /// begin inside a block, one shorter than a block, two key/value heads with two query heads each, a gate.
  public static let certificateProblems: [Problem] = [GateConvention.scaled, .unscaled].map { convention in
    var problem = Problem(
      shape: AttentionShape(length: 20, queryHeads: 4, heads: 2, keyDim: 3, valueDim: 3), blockSize: 4, seed: 17)
    problem.segmentBoundaries = [0, 3, 5, 20]
    problem.beta = .uniform
    problem.gate = .strong
    problem.convention = convention
    return problem
  }
}

/// One variant against the sequential product at one random point of the prime field.
private struct ExactComparison {
  let result: VariantEquivalence

  init(_ variant: Variant, _ problem: Problem) throws(AttentionError) {
    let inputs = try problem.exactInputs()
    let function = problem.exactFunction()
    let program = ExactProgram(variant.choices, problem, inputs, scale: function.scale)
    guard program.seesSameKeys else {
      result = .different
      return
    }
    let form = AttentionForm.sequentialProduct
    let logits = try PathAttention.logits(inputs, function, form: form)
    let difference = program.difference(from: logits)
    guard difference != .different else {
      result = .different
      return
    }
    func gradientsAgree(_ cotangent: LogitTable<PrimeField>) throws(AttentionError) -> Bool {
      let expected = try logitGradients(of: inputs, cotangent: cotangent, function, form: form)
      return ExactProgram(variant.choices, problem, inputs, scale: function.scale).gradients(cotangent).agree(
        with: expected)
    }
    let cotangent = problem.exactLogitCotangent(inputs)
    if difference == .equal, try gradientsAgree(cotangent) {
      result = .equal
    } else {
      cotangent.balanceRows()
      result = try gradientsAgree(cotangent) ? .equalUnderSoftmax : .different
    }
  }
}

/// A program over the prime field, for all units of a problem.
struct ExactProgram {
  private let heads: [(unit: ProgramUnit, head: HeadProgram<PrimeField>)]
  private let inputs: AttentionInputs<PrimeField>
  private let choices: ProgramChoices
  private let sums: InputGradients<PrimeField>

  init(_ choices: ProgramChoices, _ problem: Problem, _ inputs: AttentionInputs<PrimeField>, scale: PrimeField) {
    self.choices = choices
    self.inputs = inputs
    let sums = InputGradients(inputs)
    self.sums = sums
    heads = choices.units(of: inputs, blockSize: problem.blockSize).map { unit in
      (
        unit,
        HeadProgram(
          inputs, unit, choices: choices, blockSize: problem.blockSize, scale: scale, problem.convention,
          gradients: sums)
      )
    }
  }

  /// Whether every row of every segment sees the keys that it should.
  var seesSameKeys: Bool {
    let nominal = ProgramChoices().units(of: inputs, blockSize: 1)
    guard nominal.count == heads.count else { return false }
    return zip(nominal, heads).allSatisfy { expected, found in
      expected.kept == found.unit.kept
        && expected.kept.allSatisfy { token in
          let offset = found.unit.tokens.lowerBound
          let visible = found.head.visible[token - offset]
          return visible == expected.kept.lowerBound - offset..<token - offset + 1
        }
    }
  }

  /// How the logits differ from a table, for programs that see the same keys.
  package func difference(from table: LogitTable<PrimeField>) -> VariantEquivalence {
    var result = VariantEquivalence.equal
    for (unit, head) in heads {
      let (expected, first) = (expected(unit, in: table), unit.kept.lowerBound - unit.tokens.lowerBound)
      for i in 0..<unit.kept.count {
        let differences = (0...i).map { head.logits.value[first + i, first + $0] - expected[i, $0] }
        if differences.contains(where: { $0 != differences[0] }) { return .different }
        if differences[0] != .zero { result = .equalUnderSoftmax }
      }
    }
    return result
  }

  /// The gradients for a cotangent of the logits. The program is used up.
  package func gradients(_ cotangent: LogitTable<PrimeField>) -> InputGradients<PrimeField> {
    for (unit, head) in heads {
      let (given, first) = (expected(unit, in: cotangent), unit.kept.lowerBound - unit.tokens.lowerBound)
      for i in 0..<unit.kept.count {
        for j in 0...i { head.logits.cotangent[first + i, first + j] = given[i, j] }
      }
      choices.clearOverwritten(head.inputs)
      head.tape.pullBack()
    }
    return sums
  }

  private func expected(_ unit: ProgramUnit, in table: LogitTable<PrimeField>) -> Matrix<PrimeField> {
    table[inputs.segments.firstIndex(of: unit.kept)!, unit.queryHead]
  }
}

extension InputGradients<PrimeField> {
  package func agree(with gradients: LogitGradients<PrimeField>) -> Bool {
    self[.q]!.entries == gradients.dq.entries && self[.k]!.entries == gradients.dk.entries
      && self[.w]!.entries == gradients.dw.entries && self[.beta]!.entries == gradients.dbeta.entries
      && self[.g]?.entries == gradients.dg?.entries
  }
}

extension LogitTable<PrimeField> {
  /// Changes the diagonal so that every row sums to zero.
  fileprivate func balanceRows() {
    for segment in 0..<segments {
      for head in 0..<queryHeads {
        let matrix = self[segment, head].mutableView
        for i in 0..<matrix.rows { matrix[i, i] = -(0..<i).reduce(PrimeField.zero) { $0 + matrix[i, $1] } }
      }
    }
  }
}
