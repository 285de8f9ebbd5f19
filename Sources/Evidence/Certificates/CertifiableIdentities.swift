import LinearAlgebra
import PathAttention

extension CertificateRequest {
  /// That the three forms compute the same logits and gradients, that each backward is the derivative of its forward, that
  /// the intermediate results of the blockwise form are what they are said to be, and that the online softmax is the softmax.
  public var identities: [any CertifiableIdentity] {
    let stages = BlockStage.allCases.flatMap { stage in
      blockSizes.map { StageIdentity(stage: stage, blockSize: $0) }
    }
    return [LogitIdentity(forms: forms), GradientEquality(forms: forms), DerivativeIdentity(forms: forms)] + stages
      + [CarriedCacheIdentity(blockSizes: blockSizes), SoftmaxIdentity(forms: forms)]
  }
}

/// The logits of the three forms.
private struct LogitIdentity: CertifiableIdentity {
  let forms: [AttentionForm]
  let name = "logits"

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    try forms.map { form throws(AttentionError) in
      let table = try logits(point.inputs, point.function, form: form)
      return CertificateBody(name: form.description, numbers: table.lowerEntries)
    }
  }
}

/// The gradients of the three forms, from one cotangent of the logits.
private struct GradientEquality: CertifiableIdentity {
  let forms: [AttentionForm]
  let name = "gradients of the logits"

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    try forms.map { form throws(AttentionError) in
      CertificateBody(
        name: form.description, numbers: try point.gradients(form).tensors.flatMap(\.entries.entries))
    }
  }
}

/// The directional derivative of Σ C ∘ S: of the forward bodies by dual numbers, and gradient · ẋ by the backward bodies.
private struct DerivativeIdentity: CertifiableIdentity {
  let forms: [AttentionForm]
  let name = "backward as derivative of forward"

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    let dual = try point.dualInputs()
    let forward = try forms.map { form throws(AttentionError) in
      let table = try logits(dual, point.function.dual, form: form)
      let derivative = contraction(point.cotangent.lowerEntries, table.lowerEntries.map(\.derivative))
      return CertificateBody(name: "forward, \(form)", numbers: [derivative])
    }
    let directions = Dictionary(
      uniqueKeysWithValues: point.direction.tensors.map { ($0.tensor.gradient!, $0.entries.entries) })
    let backward = try forms.map { form throws(AttentionError) in
      let derivative = try point.gradients(form).tensors.reduce(S.zero) { sum, gradient in
        sum + contraction(gradient.entries.entries, directions[gradient.tensor]!)
      }
      return CertificateBody(name: "backward, \(form)", numbers: [derivative])
    }
    return forward + backward
  }
}

extension CertificatePoint {
  fileprivate func gradients(_ form: AttentionForm) throws(AttentionError) -> LogitGradients<S> {
    try logitGradients(of: inputs, cotangent: cotangent, function, form: form)
  }
}

private func contraction<S: Scalar>(_ x: [S], _ y: [S]) -> S { zip(x, y).reduce(.zero) { $0 + $1.0 * $1.1 } }

// MARK: The blockwise form from the inside

private enum BlockStage: String, CaseIterable {
  case carriedQueries = "boundary-adjusted queries"
  case carriedKeys = "boundary-adjusted keys"
  case products = "block products R"
  case updates = "update vectors U = T W"
}

/// Row vectors carried through reflections one at a time: x ← x − β (x · w) w, for tokens in the order given.
private struct Reflections<S: Scalar> {
  let w: MatrixView<S>
  let β: MatrixView<S>

  init(_ inputs: AttentionInputs<S>, _ queryHead: Int) {
    let head = queryHead / inputs.shape.groupSize
    w = inputs.w.window(inputs.segments[0], head: head)
    β = inputs.beta.window(inputs.segments[0], head: head)
  }

  func carry(_ row: some Sequence<S>, through tokens: some Sequence<Int>) -> [S] {
    tokens.reduce(Array(row)) { x, t in
      let w = w.rowEntries(t)
      let step = β[t, 0] * contraction(x, w)
      return x.indices.map { x[$0] - step * w[$0] }
    }
  }
}

/// One intermediate result of the blockwise form against reflections applied one at a time.
private struct StageIdentity: CertifiableIdentity {
  let stage: BlockStage
  let blockSize: Int

  var name: String { "\(stage.rawValue), blocks of \(blockSize)" }

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    let inputs = point.inputs
    var expected: [S] = []
    var found: [S] = []
    for queryHead in 0..<inputs.shape.queryHeads {
      let reflections = Reflections(inputs, queryHead)
      let Q = inputs.q.window(inputs.segments[0], head: queryHead)
      let K = inputs.k.window(inputs.segments[0], head: queryHead / inputs.shape.groupSize)
      for block in try blockIntermediates(inputs, segment: 0, queryHead: queryHead, blockSize: blockSize) {
        let range = block.range
        switch stage {
        case .carriedQueries:
          found += block.Q̃.entries
          expected += range.flatMap { t in
            reflections.carry(Q.rowEntries(t), through: (range.lowerBound...t).reversed())
          }
        case .carriedKeys:
          // (H_last … H_{t+1} kᵀ)ᵀ = k H_{t+1} … H_last.
          found += block.K̂.entries
          expected += range.flatMap { t in reflections.carry(K.rowEntries(t), through: t + 1..<range.upperBound) }
        case .products:
          // Row a of H_last … H_first is e_a H_last … H_first.
          found += block.R.entries
          expected += (0..<inputs.shape.keyDim).flatMap { a in
            let unit = (0..<inputs.shape.keyDim).map { $0 == a ? S.one : .zero }
            return reflections.carry(unit, through: range.reversed())
          }
        case .updates:
          // H_t P = P − w_tᵀ u_t with P = H_{t−1} … H_first, so u_t = β_t w_t P; and U = T W says the same of T.
          found += block.U.entries
          let product = Matrix<S>(rows: block.T.rows, columns: inputs.shape.keyDim)
          multiply(block.T, reflections.w.rows(range), into: product)
          found += product.entries
          let rows = range.flatMap { t in
            let carried = reflections.carry(
              reflections.w.rowEntries(t), through: (range.lowerBound..<t).reversed())
            return carried.map { reflections.β[t, 0] * $0 }
          }
          expected += rows + rows
        }
      }
    }
    return [
      CertificateBody(name: "one reflection at a time", numbers: expected),
      CertificateBody(name: "blockwise (blocks of \(blockSize))", numbers: found),
    ]
  }
}

/// The key cache after a prefill: each key carried to the end of the sequence by whole blocks, with which the last query has
/// its logits by plain products.
private struct CarriedCacheIdentity: CertifiableIdentity {
  let blockSizes: [Int]
  let name = "keys carried to the end, and the last logits from them"

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    let inputs = try point.ungatedInputs()
    let tokens = inputs.segments[0]
    let table = try logits(inputs, AttentionFunction(scale: .one), form: .sequentialProduct)
    let queryHeads = 0..<inputs.shape.queryHeads
    let expected = queryHeads.flatMap { queryHead in
      let K = inputs.k.window(tokens, head: queryHead / inputs.shape.groupSize)
      let reflections = Reflections(inputs, queryHead)
      let carried = tokens.flatMap { reflections.carry(K.rowEntries($0), through: $0 + 1..<tokens.upperBound) }
      return carried + tokens.map { table[0, queryHead][tokens.count - 1, $0] }
    }
    let found = try blockSizes.map { blockSize throws(AttentionError) in
      var numbers: [S] = []
      for queryHead in queryHeads {
        let carried = try carriedKeys(inputs, queryHead, blockSize)
        let q = inputs.q.window(tokens, head: queryHead).rows(tokens.count - 1..<tokens.count)
        let row = Matrix<S>(rows: 1, columns: tokens.count)
        multiply(q, carried.transposed, into: row)
        numbers += carried.entries + row.entries
      }
      return CertificateBody(name: "blocks of \(blockSize)", numbers: numbers)
    }
    return [CertificateBody(name: "one reflection at a time", numbers: expected)] + found
  }

  /// Boundary-adjusted keys, carried on over every later block: k ← (R kᵀ)ᵀ.
  private func carriedKeys<S: SoftmaxScalar>(
    _ inputs: AttentionInputs<S>, _ queryHead: Int, _ blockSize: Int
  ) throws(AttentionError) -> Matrix<S> {
    let carried = Matrix<S>(rows: inputs.shape.length, columns: inputs.shape.keyDim)
    for block in try blockIntermediates(inputs, segment: 0, queryHead: queryHead, blockSize: blockSize) {
      let earlier = carried.mutableView.rows(0..<block.range.lowerBound)
      multiply(earlier.copy(), block.R.transposed, into: earlier)
      assign(block.K̂, to: carried.mutableView.rows(block.range))
    }
    return carried
  }
}

extension CertificatePoint {
  fileprivate func ungatedInputs() throws(AttentionError) -> AttentionInputs<S> {
    try AttentionInputs(
      shape: inputs.shape, q: inputs.q.entries, k: inputs.k.entries, v: inputs.v.entries, w: inputs.w.entries,
      beta: inputs.beta.entries)
  }
}

// MARK: Softmax

/// The online softmax in formal exponentials e_s, with an arbitrary choice in place of the maximum, against the definition
/// o_i = Σ_j e_ij v_j / Σ_j e_ij and exp(lse_i) = Σ_j e_ij from logits computed one reflection at a time.
private struct SoftmaxIdentity: CertifiableIdentity {
  let forms: [AttentionForm]
  let name = "online softmax"

  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>] {
    let inputs = point.inputs
    let table = try logits(inputs, point.function, form: .sequentialProduct)
    var (o, sums): ([S], [S]) = ([], [])
    for i in inputs.segments[0] {
      for queryHead in 0..<inputs.shape.queryHeads {
        let exponentials = (0...i).map { S.exponential(table[0, queryHead][i, $0], minus: .zero) }
        let V = inputs.v.window(0..<i + 1, head: queryHead / inputs.shape.groupSize)
        let sum = exponentials.reduce(.zero, +)
        sums.append(sum)
        o += (0..<V.columns).map { lane in contraction(exponentials, (0...i).map { V[$0, lane] }) / sum }
      }
    }
    let online = try forms.map { form throws(AttentionError) in
      let outputs = try attention(inputs, point.function, AttentionExecution(form: form))
      return CertificateBody(name: form.description, numbers: outputs.o.entries + outputs.lse.entries)
    }
    return [CertificateBody(name: "definition", numbers: o + sums)] + online
  }
}
