import LinearAlgebra
import PathAttention

/// The logits S_ij = scale · A_ij + gate_ij of one unit, on a tape.
struct HeadProgram<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  package let blockSize: Int
  package let unit: ProgramUnit
  package let inputs: UnitInputs<S>
  /// The program of the unscaled logits.
  package let path: LogitProgram<S>
  /// S, of which only the visible entries have meaning.
  package let logits: Variable<S>
  /// The keys that each row sees.
  package let visible: [Range<Int>]
  /// gate_ij = factor · (c_i − c_j), if there is a gate and it is not dropped.
  package let decay: Decay<S>?

  /// - Parameters:
  ///   - inputs: The problem.
  ///   - unit: The part of it to be computed.
  ///   - scale: The factor of the logits.
  ///   - convention: How the gate enters, unless the choices say otherwise.
  ///   - gradients: Where `tape.pullBack()` adds the gradients.
  ///   - arithmetic: How products and sums are computed.
  ///   - isDifferentiated: Whether `tape.pullBack()` will be called.
  init(
    _ problem: AttentionInputs<S>, _ unit: ProgramUnit, choices: ProgramChoices, blockSize: Int, scale: S,
    _ convention: GateConvention, gradients: InputGradients<S>, arithmetic: ProgramArithmetic<S> = .exact,
    isDifferentiated: Bool = true
  ) {
    tape = Tape(arithmetic, recordsPullbacks: isDifferentiated)
    self.choices = choices
    self.blockSize = blockSize
    self.unit = unit
    visible = choices.visibleKeys(unit, blockSize: blockSize)
    inputs = UnitInputs(problem, unit, gradients: gradients, choices.backward)
    let scale = (0..<choices.scalings).reduce(S(constant: choices.scaleFactor)) { product, _ in product * scale }
    let isScaled =
      switch choices.gate {
      case .scaled: true
      case .unscaled: false
      default: convention == .scaled
      }
    decay =
      choices.gate == .dropped
      ? nil
      : inputs.g.map { [tape] g in
        Decay(
          tape: tape, choices: choices, blockSize: blockSize, factor: isScaled ? scale : .one, g: g,
          length: unit.tokens.count)
      }
    path = LogitProgram(
      tape: tape, choices: choices, blockSize: blockSize, Q: inputs.Q, K: inputs.K, W: inputs.W, β: inputs.β,
      gate: choices.decaysGram ? decay : nil)
    var logits = tape.scale(
      path.logits(), by: S(constant: choices.logitFactor) * scale,
      backward: choices.backward.scalesLogitCotangent ? nil : .one)
    if let decay, choices.gate != .multiplicative { logits = tape.adding(decay, to: logits, visible) }
    if choices.mask == .zeroInBlock { logits = tape.lowerTriangle(logits, withDiagonal: true) }
    self.logits = logits
  }
}

/// The decay factor · (c_i − c_j) of a gate, with c its cumulative sum.
struct Decay<S: ProgramScalar>: Sendable {
  let choices: ProgramChoices
  package let factor: S
  /// L × 1, the gates themselves.
  package let g: Variable<S>
  /// L × 1
  package let c: Variable<S>

  /// - Parameter g: The log forget gates from where the cumulative sum starts to the end of the unit.
  init(
    tape: Tape<S>, choices: ProgramChoices, blockSize: Int, factor: S, g: Variable<S>, length: Int
  ) {
    self.choices = choices
    self.factor = factor
    let before = g.rows - length
    self.g = g.rows(before..<g.rows)
    let c = tape.cumulativeSum(
      g, choices.backward.gateSum, restartingEvery: choices.gateRestartsInBlocks ? blockSize : nil
    ).rows(before..<g.rows)
    if choices.gateRestarts, before > 0 {
      // The sum is taken over other segments too, as its gradient will be, but counts from the unit's own start.
      let restarted = tape.copy(c)
      let origin = tape.zeros(length, 1)
      fill(origin.value, with: (0..<before).reduce(S.zero) { $0 + g.value[$1, 0] })
      tape.subtract(origin, from: restarted)
      self.c = restarted
    } else {
      self.c = c
    }
  }

  /// The decay between a query and a key, without what the choices leave out.
  package func value(_ i: Int, _ j: Int) -> S {
    switch choices.gate {
    case .closed: factor * (c.value[i, 0] - (j > 0 ? c.value[j - 1, 0] : .zero))
    case .flipped: factor * (c.value[j, 0] - c.value[i, 0])
    case .columnsOnly: -(factor * c.value[j, 0])
    default: factor * (c.value[i, 0] - c.value[j, 0])
    }
  }

  /// Adds what a cotangent of the decay means for c.
  package func collect(_ cotangent: MutableMatrixView<S>, _ visible: [Range<Int>]) {
    var factor = choices.backward.scalesGateCotangent ? factor : .one
    if choices.gate == .flipped { factor = -factor }
    let dc = c.cotangent
    for i in visible.indices {
      for j in visible[i] {
        let part = factor * cotangent[i, j]
        if choices.gate != .columnsOnly && choices.backward.gateRowsReach { dc[i, 0] += part }
        if choices.gate != .closed { dc[j, 0] -= part } else if j > 0 { dc[j - 1, 0] -= part }
      }
    }
  }
}

extension Tape where S: ProgramScalar {
  /// S + decay, for the visible entries.
  func adding(_ decay: Decay<S>, to S: Variable<S>, _ visible: [Range<Int>]) -> Variable<S> {
    let sum = copy(S)
    for i in 0..<S.rows {
      for j in visible[i] { sum.value[i, j] += decay.value(i, j) }
    }
    record { decay.collect(sum.cotangent, visible) }
    return sum
  }

  /// A ∘ Γ for the entries of a window of rows below the diagonal, with Γ_ij = exp(c_i − c_j) and c the cumulative sum of the
  /// gate; the others are zero.
  func decayedBelowDiagonal(_ A: Variable<S>, by decay: Decay<S>, _ rows: Range<Int>) -> Variable<S> {
    let (g, c) = (decay.g.rows(rows), decay.c.rows(rows))
    let factors = (0..<g.rows).map { g.value[$0, 0].exponential }
    let (B, Γ) = (zeros(A.rows, A.columns), Matrix<S>(rows: A.rows, columns: A.columns))
    for j in 0..<A.columns {
      var product = S.one
      for i in j + 1..<max(j + 1, A.rows) {
        product = product * factors[i]
        Γ.mutableView[i, j] = product
        B.value[i, j] = product * A.value[i, j]
      }
    }
    record {
      for i in 0..<A.rows {
        for j in 0..<i {
          let part = B.cotangent[i, j] * Γ[i, j]
          A.cotangent[i, j] += part
          c.cotangent[i, 0] += part * A.value[i, j]
          c.cotangent[j, 0] -= part * A.value[i, j]
        }
      }
    }
    return B
  }

  /// c_t = g_0 + … + g_t, for a column. Its gradient is the reverse cumulative sum, unless a mistake is to be made.
  ///
  /// - Parameter period: The sum starts anew at every multiple of it; nowhere when nil.
  func cumulativeSum(
    _ g: Variable<S>, _ backward: BackwardChoices.GateSum, restartingEvery period: Int? = nil
  ) -> Variable<S> {
    let c = zeros(g.rows, 1)
    let spans = LogitProgram<S>.blocks(g.rows, size: period ?? max(1, g.rows))
    for span in spans {
      var sum = S.zero
      for t in span {
        sum += g.value[t, 0]
        c.value[t, 0] = sum
      }
    }
    record {
      for span in spans {
        var sum = S.zero
        for step in 0..<span.count {
          let t = backward == .forward ? span.lowerBound + step : span.upperBound - 1 - step
          let dc = c.cotangent[t, 0]
          sum += dc
          g.cotangent[t, 0] += backward == .none ? dc : backward == .reverseExclusive ? sum - dc : sum
        }
      }
    }
    return c
  }
}
