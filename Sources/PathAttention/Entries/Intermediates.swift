import LinearAlgebra

/// What the blockwise form makes of one block of tokens on the way to the logits, for one query head in one segment.
///
/// With H_t = I − β_t w_tᵀ w_t, n rows in the block and d lanes:
public struct BlockIntermediates<S: Scalar>: Sendable {
  /// The tokens of the block, counted from the start of the segment.
  public let range: Range<Int>
  /// M⁻¹ with M = I + stril(diag(β) W Wᵀ), n × n, unit lower triangular.
  public let inverse: Matrix<S>
  /// T = M⁻¹ diag(β), n × n, lower triangular.
  public let T: Matrix<S>
  /// U = T W, n × d.
  public let U: Matrix<S>
  /// R = I − Wᵀ U = H_last … H_first, d × d.
  public let R: Matrix<S>
  /// Queries carried to the start of the block, not scaled, n × d. Row t: q_t H_t … H_first.
  public let Q̃: Matrix<S>
  /// Keys carried to the end of the block, n × d. Row t: H_last … H_{t+1} k_tᵀ.
  public let K̂: Matrix<S>
}

/// The intermediate results of the blockwise form, block after block, so that a stage at which an implementation goes wrong
/// can be named.
///
/// - Parameters:
///   - inputs: q, k, w and β; values and gate play no part.
///   - segment: Which segment, by its place in `inputs.segments`.
///   - queryHead: Which query head; it determines the key/value head.
///   - blockSize: Rows per block.
/// - Throws: `AttentionError.option` when there is no such segment or head, or the block size is not positive.
/// - Complexity: O(L d (B + d) + L B²) time and O(L (B + d) + L d²/B) memory, for L tokens in blocks of B.
@specialized(where S == Double)
@specialized(where S == PrimeField)
public func blockIntermediates<S: Scalar>(
  _ inputs: AttentionInputs<S>, segment: Int, queryHead: Int, blockSize: Int
) throws(AttentionError) -> [BlockIntermediates<S>] {
  try intermediates(inputs, segment: segment, queryHead: queryHead, blockSize: blockSize, rounding: NoRounding())
}

/// The same as a kernel in another arithmetic has them, each rounded where it enters the next product.
///
/// - Parameters:
///   - inputs: q, k, w and β.
///   - segment: Which segment, by its place in `inputs.segments`.
///   - queryHead: Which query head.
///   - blockSize: Rows per block.
///   - rounding: How numbers are rounded at each point.
/// - Throws: `AttentionError.option`, as without rounding.
public func blockIntermediates(
  _ inputs: AttentionInputs<Double>, segment: Int, queryHead: Int, blockSize: Int, rounding: EmulatedRounding
) throws(AttentionError) -> [BlockIntermediates<Double>] {
  let rounding = ScaledRounding(emulation: rounding, scale: 1)
  let blocks = try intermediates(
    inputs, segment: segment, queryHead: queryHead, blockSize: blockSize, rounding: rounding)
  for block in blocks {
    rounding.round(block.U.mutableView, .carryFactors)
    rounding.round(block.R.mutableView, .R)
    rounding.round(block.Q̃.mutableView, .Q̃)
    rounding.round(block.K̂.mutableView, .K̂)
  }
  return blocks
}

private func intermediates<S: Scalar>(
  _ inputs: AttentionInputs<S>, segment: Int, queryHead: Int, blockSize: Int, rounding: some RoundingModel<S>
) throws(AttentionError) -> [BlockIntermediates<S>] {
  for (name, value, count) in [
    ("segment", segment, inputs.segments.count), ("queryHead", queryHead, inputs.shape.queryHeads),
  ] where !(0..<count).contains(value) {
    throw .option(name: name, expected: "from 0 up to, but not including, \(count)", found: "\(value)")
  }
  try AttentionForm.blockwise(blockSize: blockSize).validate()
  let tokens = inputs.segments[segment]
  let head = queryHead / inputs.shape.groupSize
  let Q = inputs.q.window(tokens, head: queryHead)
  let K = inputs.k.window(tokens, head: head)
  let W = inputs.w.window(tokens, head: head)
  let β = inputs.beta.window(tokens, head: head)
  return ranges(of: tokens.count, by: blockSize).map { range in
    let block = Block(range, K: K, W: W, β: β, rounding: rounding)
    let n = range.count
    let inverse = Matrix<S>(rows: n, columns: n)
    for t in 0..<n { inverse.mutableView[t, t] = .one }
    let T = block.diagonal.transform.apply(to: inverse, .transform)
    rounding.solve(unitTriangular: block.diagonal.transform.M.view, .lower, inverse.mutableView)
    // Q̃ = Q − P U
    let projections = Matrix<S>(rows: n, columns: n)
    block.diagonal.project(Q.rows(range), tokens: Array(0..<n)[...], into: projections.mutableView)
    let Q̃ = Q.rows(range).copy()
    rounding.subtractProduct(projections, .blockProducts, block.U, .carryFactors, from: Q̃)
    let run = block.run()
    return BlockIntermediates(
      range: range, inverse: inverse, T: T, U: block.U, R: run.R, Q̃: Q̃,
      K̂: run.K̂.copy())
  }
}
