import LinearAlgebra
import PathAttention
import RealModule

/// What comes after the logits, on a tape: weights, outputs, log-sum-exp.
struct SoftmaxProgram {
  private let head: HeadProgram<Double>
  /// L × d_v
  package let outputs: Variable<Double>
  /// L × 1; nil where there is no softmax.
  package let lse: Variable<Double>?

  private var tape: Tape<Double> { head.tape }
  private var choices: ProgramChoices { head.choices }

  init(_ head: HeadProgram<Double>) {
    self.head = head
    let (tape, choices) = (head.tape, head.choices)
    let V = choices.readsPreviousValue ? tape.previousRows(head.inputs.V) : head.inputs.V
    switch choices.weighting {
    case .none:
      lse = nil
      outputs = tape.product(tape.visible(head.logits, head.visible), V)
    case .softmax:
      let rows = tape.softmax(
        head.logits, head.visible, hidden: choices.hiddenZeros(head.unit, head.blockSize), choices)
      lse = rows.lse
      let P =
        if choices.gate == .multiplicative, let decay = head.decay {
          tape.decayed(rows.P, by: decay, head.visible)
        } else {
          rows.P
        }
      if choices.backward.normalisesValueCotangent {
        outputs = tape.product(P, V, at: (.weights, .values))
      } else {
        let O = tape.product(P, V.detached, at: (.weights, .values))
        tape.record {
          let unnormalised = P.value.copy()
          scaleRows(of: unnormalised, by: rows.sum)
          addProduct(unnormalised.transposed, O.cotangent, to: V.cotangent)
        }
        outputs = O
      }
      if choices.reflectsValues && V.columns == head.path.W.columns { reflectValues(P) }
    }
  }

  /// O ← O − tril(P Zᵀ) W with Z = T stril(W Vᵀ), so that o_i = Σ_j P_ij v_j H_{j+1} … H_i.
  private func reflectValues(_ P: Variable<Double>) {
    let (V, W) = (head.inputs.V, head.path.W)
    let transform = TransformProgram(
      tape: tape, choices: choices, rows: 0..<W.rows, W: W, β: head.path.β, gate: head.path.gate)
    let Z = transform.apply(to: tape.lowerTriangle(tape.product(W, V.transposed), withDiagonal: false))
    let X = tape.lowerTriangle(tape.product(P, Z.transposed), withDiagonal: true)
    tape.subtractProduct(X, W, from: outputs)
  }
}

extension Tape<Double> {
  /// The visible entries; the others are zero.
  fileprivate func visible(_ A: Variable<Double>, _ visible: [Range<Int>]) -> Variable<Double> {
    let B = zeros(A.rows, A.columns)
    for i in 0..<A.rows {
      for j in visible[i] { B.value[i, j] = A.value[i, j] }
    }
    record {
      for i in 0..<A.rows {
        for j in visible[i] { A.cotangent[i, j] += B.cotangent[i, j] }
      }
    }
    return B
  }

  /// The softmax of the visible entries of each row, the log-sum-exp, and Σ exp(s − m). A row that sees nothing has zero
  /// weights and log-sum-exp −∞.
  ///
  /// - Parameter hidden: How many logits of zero each row has besides that enter the sum and nothing else.
  fileprivate func softmax(
    _ S: Variable<Double>, _ visible: [Range<Int>], hidden: [Int], _ choices: ProgramChoices
  ) -> (P: Variable<Double>, lse: Variable<Double>, sum: Matrix<Double>) {
    let P = zeros(S.rows, S.columns)
    let lse = zeros(S.rows, 1)
    let sums = Matrix<Double>(rows: S.rows, columns: 1)
    for i in 0..<S.rows {
      let (s, p) = (S.value.row(i), P.value.row(i))
      let m = visible[i].reduce(hidden[i] > 0 ? 0 : -Double.infinity) { max($0, s[$1]) }
      var sum = hidden[i] > 0 ? Double(hidden[i]) * .exp(-m) : 0
      for j in visible[i] {
        p[j] = .exp(s[j] - m)
        sum += p[j]
      }
      for j in visible[i] { p[j] /= sum }
      sums.mutableView[i, 0] = sum
      lse.value[i, 0] =
        switch choices.logSumExp {
        case .natural: m + .log(sum)
        case .baseTwo: (m + .log(sum)) / .log(2)
        case .withoutMaximum: .log(sum)
        }
    }
    record {
      for i in 0..<S.rows {
        let (p, dp, ds) = (P.value.row(i), P.cotangent.row(i), S.cotangent.row(i))
        // δ_i = Σ_j P_ij dP_ij is what the normaliser sends back.
        var δ = 0.0
        if !choices.backward.missing.contains(.normaliser) {
          for j in visible[i] { δ += p[j] * dp[j] }
        }
        if choices.backward.usesLogSumExpCotangent { δ -= lse.cotangent[i, 0] }
        for j in visible[i] { ds[j] += p[j] * (dp[j] - δ) }
      }
    }
    return (P, lse, sums)
  }

  /// P ∘ exp(decay)
  fileprivate func decayed(
    _ P: Variable<Double>, by decay: Decay<Double>, _ visible: [Range<Int>]
  ) -> Variable<Double> {
    let F = zeros(P.rows, P.columns)
    for i in 0..<P.rows {
      for j in visible[i] { F.value[i, j] = P.value[i, j] * .exp(decay.value(i, j)) }
    }
    record {
      let cotangent = Matrix<Double>(rows: P.rows, columns: P.columns)
      for i in 0..<P.rows {
        for j in visible[i] {
          P.cotangent[i, j] += F.cotangent[i, j] * .exp(decay.value(i, j))
          cotangent.mutableView[i, j] = F.cotangent[i, j] * F.value[i, j]
        }
      }
      decay.collect(cotangent.mutableView, visible)
    }
    return F
  }
}
