import LinearAlgebra
import PathAttention

/// The blockwise form of the unscaled logits of one query head over one run of tokens, with every step open to a choice.
///
/// With the default choices it computes A_ij = q_i H_i … H_{j+1} k_jᵀ for j ≤ i; entries with j > i have no meaning then.
/// With one block it is the compact-WY form. O(L² d) operations forward, for blocks of about d rows.
struct LogitProgram<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  package let blockSize: Int
  /// L × d
  package let Q: Variable<S>
  /// L × d
  package let K: Variable<S>
  /// L × d, as the choices change it.
  package let W: Variable<S>
  /// L × 1, as the choices change it.
  package let β: Variable<S>
  /// The gate that enters M, if one does.
  package let gate: Decay<S>?

  init(
    tape: Tape<S>, choices: ProgramChoices, blockSize: Int, Q: Variable<S>, K: Variable<S>, W: Variable<S>,
    β: Variable<S>, gate: Decay<S>? = nil
  ) {
    self.tape = tape
    self.choices = choices
    self.blockSize = blockSize
    self.Q = Q
    self.K = K
    self.gate = gate
    self.W =
      switch choices.w {
      case .given: W
      case .scaled(let factor): tape.scale(W, by: S(constant: factor))
      case .previousToken: tape.previousRows(W)
      }
    self.β =
      switch choices.β {
      case .given: β
      case .scaled(let factor): tape.scale(β, by: S(constant: factor))
      case .lessOne: tape.shift(β, by: -S.one)
      case .one: tape.shift(tape.zeros(β.rows, 1), by: .one)
      case .squared: tape.rowProducts(β, β)
      case .previousToken: tape.previousRows(β)
      case .damped:
        tape.rowProducts(
          β, tape.reciprocals(tape.shift(tape.rowProducts(β, tape.rowProducts(self.W, self.W)), by: .one)))
      }
  }

  /// L × L.
  package func logits() -> Variable<S> {
    let whole = 0..<Q.rows
    switch choices.product {
    case .accumulated: return blockwise()
    case .none: return tape.product(Q, K.transposed)
    case .local: return tape.product(reflected(Q), reflected(K).transposed)
    case .absolute: return tape.product(block(whole).carriedToStart(Q), block(whole).carriedToStart(K).transposed)
    case .reversed: return reversed()
    }
  }

  /// The blocks, in order; the last one may be shorter.
  package static func blocks(_ length: Int, size: Int) -> [Range<Int>] {
    stride(from: 0, to: length, by: size).map { $0..<min(length, $0 + size) }
  }

  // MARK: Blockwise

  private func blockwise() -> Variable<S> {
    let A = tape.zeros(Q.rows, Q.rows)
    let blocks = Self.blocks(Q.rows, size: blockSize).map(block)
    for (b, query) in blocks.enumerated() {
      let q = Q.rows(query.range)
      let X = query.queryProjections(q)
      tape.addProduct(q, query.K.transposed, to: tile(query, query, of: A))
      if !contains(choices.diagonalNotCorrected, query.range) {
        tape.subtractProduct(X, query.Z, from: tile(query, query, of: A))
      }
      if choices.mask == .none {
        for key in blocks[(b + 1)...] { tape.addProduct(q, key.K.transposed, to: tile(query, key, of: A)) }
      }
      guard b > 0 else { continue }

      var carried = contains(choices.queriesNotCarried, query.range) ? q : query.carriedToStart(q, X: X)
      for key in choices.carry == .leftToRight ? Array(blocks[..<b]) : blocks[..<b].reversed() {
        if choices.carry == .beforeLogits { carried = carry(carried, over: key) }
        tape.addProduct(carried, key.carriedKeys.transposed, to: tile(query, key, of: A))
        if choices.carry != .beforeLogits { carried = carry(carried, over: key) }
      }
    }
    return A
  }

  /// X R
  private func carry(_ X: Variable<S>, over block: BlockProgram<S>) -> Variable<S> {
    guard choices.carry != .none else { return X }
    let R = block.R.unless(.transition, isMissingIn: choices)
    let transforms = choices.backward.transformsCarriedCotangent
    let carried = tape.product(
      transforms ? X.unless(.carry, isMissingIn: choices) : X.detached,
      choices.carry == .transposed ? R.transposed : R, at: (.carriedX, .R))
    if !transforms { tape.record { add(carried.cotangent, to: X.cotangent) } }
    return carried
  }

  private func tile(_ query: BlockProgram<S>, _ key: BlockProgram<S>, of A: Variable<S>) -> Variable<S> {
    A.rows(query.range).columns(key.range)
  }

  private func block(_ range: Range<Int>) -> BlockProgram<S> {
    BlockProgram(
      tape: tape, choices: choices, range: range, K: K.rows(range), W: W.rows(range), β: β.rows(range), gate: gate)
  }

  private func contains(_ blocks: ProgramChoices.Blocks, _ range: Range<Int>) -> Bool {
    switch blocks {
    case .none: false
    case .all: true
    case .ragged: range.upperBound == Q.rows && range.count < blockSize
    case .short: Q.rows < blockSize
    }
  }

  // MARK: Other products

  /// Row t: x_t H_t
  private func reflected(_ X: Variable<S>) -> Variable<S> {
    let Y = tape.copy(X)
    let steps = tape.rowProducts(β, tape.rowProducts(X, W))
    tape.subtract(tape.scaleRows(W, by: steps), from: Y)
    return Y
  }

  /// q_i H_{j+1} … H_i k_jᵀ = q_i k_jᵀ − Σ_{j < s ≤ t ≤ i} (q_i w_sᵀ) T_ts (w_t k_jᵀ): the transpose of the WY form.
  private func reversed() -> Variable<S> {
    let transform = TransformProgram(
      tape: tape, choices: choices, rows: 0..<Q.rows, W: W, β: β, gate: gate)
    let T = transform.apply(to: tape.identity(Q.rows))
    let A = tape.product(Q, K.transposed)
    tape.subtractReversedIntervals(
      tape.product(Q, W.transposed), T, tape.product(W, K.transposed), from: A)
    return A
  }
}

/// What one block of the key side is to the program.
struct BlockProgram<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  package let range: Range<Int>
  package let K: Variable<S>
  package let W: Variable<S>
  /// T stril(W Kᵀ)
  package let Z: Variable<S>
  /// T W
  package let U: Variable<S>
  /// K − Zᵀ W
  package let carriedKeys: Variable<S>
  /// I − Wᵀ U
  package let R: Variable<S>

  init(
    tape: Tape<S>, choices: ProgramChoices, range: Range<Int>, K: Variable<S>, W: Variable<S>, β: Variable<S>,
    gate: Decay<S>?
  ) {
    self.tape = tape
    self.choices = choices
    self.range = range
    self.K = K
    self.W = W
    let transform = TransformProgram(tape: tape, choices: choices, rows: range, W: W, β: β, gate: gate)
    let Y = tape.lowerTriangle(
      tape.product(
        W.unless(.wInY, isMissingIn: choices), K.unless(.keysInY, isMissingIn: choices).transposed),
      withDiagonal: choices.includesKeyReflection)
    Z = transform.apply(to: Y)
    U = transform.apply(to: W.unless(.wInU, isMissingIn: choices))
    if choices.carriesKeys {
      carriedKeys = tape.copy(K)
      tape.subtractProduct(
        Z.unless(.zInCarriedKeys, isMissingIn: choices).transposed,
        W.unless(.wInCarriedKeys, isMissingIn: choices), from: carriedKeys)
    } else {
      carriedKeys = K
    }
    R = choices.transitionHasIdentity ? tape.identity(W.columns) : tape.zeros(W.columns, W.columns)
    tape.subtractProduct(W.unless(.wInTransition, isMissingIn: choices).transposed, U, from: R)
  }

  /// X = tril(Q Wᵀ)
  func queryProjections(_ Q: Variable<S>) -> Variable<S> {
    tape.lowerTriangle(
      tape.product(
        Q.unless(.queriesInX, isMissingIn: choices), W.unless(.wInX, isMissingIn: choices).transposed),
      withDiagonal: choices.includesQueryReflection)
  }

  /// Q − X U: row t is q_t H_t … H_first.
  func carriedToStart(_ Q: Variable<S>, X: Variable<S>? = nil) -> Variable<S> {
    let carried = tape.copy(Q)
    tape.subtractProduct(
      X ?? queryProjections(Q), U.unless(.uInCarriedQueries, isMissingIn: choices), from: carried)
    return carried
  }
}

/// T = M⁻¹ diag(β), applied by solving.
struct TransformProgram<S: ProgramScalar> {
  let tape: Tape<S>
  let choices: ProgramChoices
  package let W: Variable<S>
  package let β: Variable<S>
  /// stril(diag(β) W Wᵀ), with the factor, sign and decay that the choices say.
  private let L: Variable<S>

  /// - Parameter rows: Which rows of the unit they are.
  init(
    tape: Tape<S>, choices: ProgramChoices, rows: Range<Int>, W: Variable<S>, β: Variable<S>, gate: Decay<S>?
  ) {
    self.tape = tape
    self.choices = choices
    self.W = W
    self.β = β
    let w = W.unless(.wInM, isMissingIn: choices)
    let factors = β.unless(.βInM, isMissingIn: choices)
    var L = tape.lowerTriangle(
      tape.product(w, w.transposed, at: (.gramReflections, .gramReflections)), withDiagonal: false)
    if let gate { L = tape.decayedBelowDiagonal(L, by: gate, rows) }
    if choices.transform != .withoutβ { L = tape.scaleRows(L, by: factors) }
    if choices.transform == .flippedSign { L = tape.scale(L, by: -S.one) }
    self.L = L
  }

  /// T Y
  package func apply(to Y: Variable<S>) -> Variable<S> {
    let M = L.unless(.inverse, isMissingIn: choices)
    let factors = β.unless(.βOutside, isMissingIn: choices)
    switch choices.transform {
    case .given, .withoutβ, .flippedSign:
      return tape.solve(
        M, .lower, tape.scaleRows(Y, by: factors), adjointTransposes: choices.backward.adjointTransposes)
    case .βAfter:
      return tape.scaleRows(tape.solve(M, .lower, Y), by: factors)
    case .transposed:
      return tape.scaleRows(tape.solve(M.transposed, .upper, Y), by: factors)
    }
  }
}

extension Variable {
  /// The variable, or a constant in its place if the choices leave out the term that flows to it.
  package func unless(_ term: GradientTerms, isMissingIn choices: ProgramChoices) -> Self {
    choices.backward.missing.contains(term) ? detached : self
  }
}
