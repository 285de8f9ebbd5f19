import LinearAlgebra
import PathAttention

/// The logits S_ij = scale · A_ij + gate_ij of one unit, on a tape.
struct HeadProgram<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  let unit: ProgramUnit
  let inputs: UnitInputs<S>
  /// The program of the unscaled logits.
  let path: LogitProgram<S>
  /// S, of which only the visible entries have meaning.
  let logits: Variable<S>
  /// The keys that each row sees.
  let visible: [Range<Int>]
  /// gate_ij = factor · (c_i − c_j), if there is a gate and it is not dropped.
  let decay: Decay<S>?

  /// - Parameters:
  ///   - inputs: The problem.
  ///   - unit: The part of it to be computed.
  ///   - scale: The factor of the logits.
  ///   - convention: How the gate enters, unless the choices say otherwise.
  ///   - gradients: Where `tape.pullBack()` adds the gradients.
  ///   - arithmetic: How products and sums are computed.
  init(
    _ problem: AttentionInputs<S>, _ unit: ProgramUnit, choices: ProgramChoices, blockSize: Int, scale: S,
    _ convention: GateConvention, gradients: InputGradients<S>, arithmetic: ProgramArithmetic<S> = .exact
  ) {
    tape = Tape(arithmetic)
    self.choices = choices
    self.unit = unit
    visible = choices.visibleKeys(unit, blockSize: blockSize)
    inputs = UnitInputs(problem, unit, gradients: gradients)
    path = LogitProgram(
      tape: tape, choices: choices, blockSize: blockSize, Q: inputs.Q, K: inputs.K, W: inputs.W, β: inputs.β)
    let scale = (0..<choices.scalings).reduce(S.one) { product, _ in product * scale }
    let scaled = tape.scale(
      path.logits(), by: scale, backward: choices.backward.scalesLogitCotangent ? nil : .one)

    guard let g = inputs.g, choices.gate != .dropped else {
      decay = nil
      logits = scaled
      return
    }
    let isScaled =
      switch choices.gate {
      case .scaled: true
      case .unscaled: false
      default: convention == .scaled
      }
    let decay = Decay(
      tape: tape, choices: choices, factor: isScaled ? scale : .one, g: g, length: unit.tokens.count)
    self.decay = decay
    logits = choices.gate == .multiplicative ? scaled : decay.added(to: scaled, visible)
  }
}

/// The decay factor · (c_i − c_j) of a gate, with c its cumulative sum.
struct Decay<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  let factor: S
  /// L × 1
  let c: Variable<S>

  /// - Parameter g: The log forget gates from where the cumulative sum starts to the end of the unit.
  init(tape: Tape<S>, choices: ProgramChoices, factor: S, g: Variable<S>, length: Int) {
    self.tape = tape
    self.choices = choices
    self.factor = factor
    let before = g.rows - length
    let c = tape.cumulativeSum(g, choices.backward.gateSum).rows(before..<g.rows)
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
  func value(_ i: Int, _ j: Int) -> S {
    switch choices.gate {
    case .closed: factor * (c.value[i, 0] - (j > 0 ? c.value[j - 1, 0] : .zero))
    case .flipped: factor * (c.value[j, 0] - c.value[i, 0])
    case .columnsOnly: -(factor * c.value[j, 0])
    default: factor * (c.value[i, 0] - c.value[j, 0])
    }
  }

  /// S + decay, for the visible entries.
  func added(to S: Variable<S>, _ visible: [Range<Int>]) -> Variable<S> {
    let sum = tape.copy(S)
    for i in 0..<S.rows {
      for j in visible[i] { sum.value[i, j] += value(i, j) }
    }
    tape.record { collect(sum.cotangent, visible) }
    return sum
  }

  /// Adds what a cotangent of the decay means for c.
  func collect(_ cotangent: MutableMatrixView<S>, _ visible: [Range<Int>]) {
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

extension Tape {
  /// c_t = g_0 + … + g_t, for a column. Its gradient is the reverse cumulative sum, unless a mistake is to be made.
  func cumulativeSum(_ g: Variable<S>, _ backward: BackwardChoices.GateSum) -> Variable<S> {
    let c = zeros(g.rows, 1)
    var sum = S.zero
    for t in 0..<g.rows {
      sum += g.value[t, 0]
      c.value[t, 0] = sum
    }
    record {
      var sum = S.zero
      for step in 0..<g.rows {
        let t = backward == .forward ? step : g.rows - 1 - step
        let dc = c.cotangent[t, 0]
        sum += dc
        g.cotangent[t, 0] += backward == .none ? dc : backward == .reverseExclusive ? sum - dc : sum
      }
    }
    return c
  }
}
