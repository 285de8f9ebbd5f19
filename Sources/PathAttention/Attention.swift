import LinearAlgebra

/// PaTH attention: o and the log-sum-exp of every row.
///
///     S_ij = scale · q_i H_i H_{i−1} … H_{j+1} k_jᵀ + gate_ij,  j ≤ i,   H_t = I − β_t w_tᵀ w_t
///     P = softmax over j ≤ i;   o_i = Σ_j P_ij v_j;   lse_i = log Σ_j exp S_ij
///
/// - Parameters:
///   - inputs: q, k, v, w, β and, if there is a gate, g.
///   - options: Scale, gate convention, form, threads, and which queries are wanted.
/// - Returns: o [B, T, HQ, V] and lse [B, T, HQ].
/// - Throws: `AttentionError` when an input is not finite or an option makes no sense.
/// - Complexity: That of the form, for each query head and segment.
///
/// Source: Yang et al., “PaTH Attention”, arXiv 2505.16381; the gate is that of Lin et al., arXiv 2503.02130.
@specialized(where S == Double)
@specialized(where S == Float)
@specialized(where S == Dual<Double>)
public func attention<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ options: AttentionOptions = AttentionOptions()
) throws(AttentionError) -> AttentionOutputs<S> {
  try forwardPass(inputs, scale: validatedScale(inputs, options), options, rounding: NoRounding())
}

/// The gradients of Σ do · o + Σ dlse · lse with respect to every input, for outputs that `attention` has computed.
///
/// - Parameters:
///   - inputs: What the outputs were computed from.
///   - outputs: What `attention` returned for them with the same scale and gate convention.
///   - outputCotangent: do, [B, T, HQ, V], in the order of memory.
///   - lseCotangent: The cotangent of lse, [B, T, HQ], or nil for zero.
///   - options: Scale, gate convention, form, threads. The form need not be the one of the forward pass.
/// - Returns: dq, dk, dv, dw, dβ and, if there is a gate, dg, each in the shape of its input. Gradients of k, v, w and β
///   are summed over the query heads that read them.
/// - Throws: `AttentionError` when a cotangent does not fit, a number is not finite, an option makes no sense, or a row of
///   the outputs that has a cotangent was not computed.
/// - Complexity: That of the form, for each query head and segment; about 2.5 times the forward pass. Only rows whose
///   cotangent is not zero are visited: with n of them, O(n L d) by the sequential product and the blockwise form.
@specialized(where S == Double)
@specialized(where S == Float)
public func attentionGradients<S: RealScalar>(
  of inputs: AttentionInputs<S>, outputs: AttentionOutputs<S>, outputCotangent: [S], lseCotangent: [S]? = nil,
  _ options: AttentionOptions = AttentionOptions()
) throws(AttentionError) -> AttentionGradients<S> {
  try backwardPass(
    inputs, outputs, outputCotangent, lseCotangent, scale: validatedScale(inputs, options), options,
    rounding: NoRounding())
}

/// What PaTH attention computes.
public struct AttentionOutputs<S: SoftmaxScalar>: Sendable {
  /// The outputs, [B, T, HQ, V]; NaN in rows that were not asked for.
  public private(set) var o: TokenTensor<S>
  /// The log-sum-exp of the logits of each row, natural logarithm, [B, T, HQ]; NaN in rows that were not asked for.
  public let lse: TokenTensor<S>
  private let statistics: [SoftmaxRows<S>]
  private let queryHeads: Int

  init(_ inputs: AttentionInputs<S>) {
    o = TokenTensor(.o, inputs.shape)
    lse = TokenTensor(.lse, inputs.shape)
    queryHeads = inputs.shape.queryHeads
    statistics = inputs.segments.flatMap { segment in
      (0..<inputs.shape.queryHeads).map { _ in SoftmaxRows(length: segment.count) }
    }
  }

  /// The same with other outputs in place of o, [B, T, HQ, V], as a backward pass may read them.
  package func withOutputs(_ entries: [S], _ inputs: AttentionInputs<S>) throws(AttentionError) -> Self {
    var outputs = self
    outputs.o = try TokenTensor(.o, inputs.shape, entries)
    return outputs
  }

  func statistics(_ place: SegmentHead) -> SoftmaxRows<S> {
    statistics[place.segmentIndex * queryHeads + place.queryHead]
  }

  /// Checks that the outputs are those of inputs of this shape, and that the rows that take part have been computed.
  func validate(
    _ inputs: AttentionInputs<S>, where takesPart: (SegmentHead, Int) -> Bool
  ) throws(AttentionError) {
    let shape = inputs.shape
    guard statistics.count == inputs.segments.count * shape.queryHeads, o.entries.count == shape.count(of: .o) else {
      throw .count(tensor: "o", expected: shape.count(of: .o), found: o.entries.count)
    }
    for (index, segment) in inputs.segments.enumerated() {
      for queryHead in 0..<queryHeads {
        let place = SegmentHead(
          segmentIndex: index, segment: segment, queryHead: queryHead, head: queryHead / shape.groupSize)
        let rows = statistics(place)
        guard rows.sum.columns == segment.count else {
          throw .segments("segment \(index) has \(segment.count) tokens, its outputs \(rows.sum.columns)")
        }
        for token in 0..<segment.count where rows.sum[0, token] == .zero && takesPart(place, token) {
          throw .notComputed(token: segment.lowerBound + token, head: queryHead)
        }
      }
    }
  }
}

/// The forward pass, for numbers that have been checked.
func forwardPass<S: RealScalar>(
  _ inputs: AttentionInputs<S>, scale: S, _ options: AttentionOptions, rounding: some RoundingModel<S>
) throws(AttentionError) -> AttentionOutputs<S> {
  let outputs = AttentionOutputs<S>(inputs)
  var traversal = Traversal(
    inputs: inputs, scale: scale, form: options.form, rounding: rounding, threads: options.threads)
  traversal.onProgress = options.onProgress
  if let queryTokens = options.queryTokens {
    var isChosen = [Bool](repeating: false, count: inputs.shape.tokens)
    for token in queryTokens {
      guard isChosen.indices.contains(token) else {
        throw .option(name: "queryTokens", expected: "in 0 ..< \(isChosen.count)", found: "\(token)")
      }
      isChosen[token] = true
    }
    // Rows are NaN until they are computed.
    fill(outputs.o.matrix, with: S(.nan))
    fill(outputs.lse.matrix, with: S(.nan))
    traversal.takesPart = { [isChosen] place, token in isChosen[place.segment.lowerBound + token] }
  }
  traversal.forward(
    SoftmaxVisitors(inputs: inputs, outputs: outputs, scale: scale, convention: options.gate, rounding: rounding))
  rounding.round(outputs.o.matrix.mutableView, .o)
  rounding.round(outputs.lse.matrix.mutableView, .lse)
  return outputs
}

/// The backward pass, for inputs that have been checked.
func backwardPass<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ outputs: AttentionOutputs<S>, _ outputCotangent: [S], _ lseCotangent: [S]?, scale: S,
  _ options: AttentionOptions, rounding: some RoundingModel<S>
) throws(AttentionError) -> AttentionGradients<S> {
  let dO = try TokenTensor(.do, inputs.shape, outputCotangent)
  try validateFinite(dO, "do")
  var dlse: TokenTensor<S>?
  if let lseCotangent {
    let cotangent = try TokenTensor(.lse, inputs.shape, lseCotangent)
    try validateFinite(cotangent, "dlse")
    dlse = cotangent
  }
  // A query whose outputs have no cotangent contributes nothing to any gradient.
  let takesPart: @Sendable (SegmentHead, Int) -> Bool = { [dlse] place, token in
    let row = dO.window(place.segment, head: place.queryHead).row(token)
    return row.contains { $0 != .zero }
      || dlse.map { $0.window(place.segment, head: place.queryHead)[token, 0] != .zero } ?? false
  }
  try outputs.validate(inputs, where: takesPart)
  var traversal = Traversal(
    inputs: inputs, scale: scale, form: options.form, rounding: rounding, threads: options.threads)
  traversal.onProgress = options.onProgress
  traversal.takesPart = takesPart
  let gradients = AttentionGradients(inputs)
  traversal.backward(
    into: gradients.logit,
    SoftmaxCotangentVisitors(
      inputs: inputs, outputs: outputs, scale: scale, convention: options.gate, dO: dO, dlse: dlse,
      gradients: gradients, rounding: rounding))
  for (tensor, gradient) in gradients.tensors {
    rounding.round(gradient.matrix.mutableView, RoundingPoint(result: tensor))
  }
  return gradients
}

/// Checks numbers and options; the scale of the logits.
func validatedScale<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ options: AttentionOptions
) throws(AttentionError) -> S {
  for (tensor, entries) in inputs.tensors { try validateFinite(entries, tensor.rawValue) }
  try options.form.validate()
  if let threads = options.threads, threads < 1 {
    throw .option(name: "threads", expected: "at least 1", found: "\(threads)")
  }
  let scale = options.scale ?? 1 / Double(inputs.shape.keyDim).squareRoot()
  guard scale.isFinite else { throw .option(name: "scale", expected: "finite", found: "\(scale)") }
  return S(scale)
}

private func validateFinite<S: RealScalar>(_ tensor: TokenTensor<S>, _ name: String) throws(AttentionError) {
  let view = tensor.matrix.view
  let zeros = Matrix<S>(rows: 1, columns: view.columns)
  for i in 0..<view.rows {
    let row = view.row(i)
    // 0 · x is zero if and only if x is finite, and a scalar product is faster than a look at each entry.
    guard S.dot(row, zeros.view.row(0)) != .zero, let j = row.firstIndex(where: { !$0.isFinite }) else { continue }
    throw .notFinite(tensor: name, index: i * view.columns + j, value: "\(row[j])")
  }
}
