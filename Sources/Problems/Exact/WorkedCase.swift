import LinearAlgebra
import PathAttention

/// A problem small enough to be followed with a pencil, in fractions. The unit vectors come from Pythagorean triples, such as
/// w = (3/5, 4/5), so every logit, gradient and intermediate result is a fraction too.
public struct WorkedCase: Sendable {
  /// A short name.
  public let name: String
  /// What it shows.
  public let summary: String
  /// One sequence, one head. The scale is 1 and there is no gate, so logits are the numbers A_ij.
  public let inputs: AttentionInputs<Rational>
  /// Rows per block of the blockwise form.
  public let blockSize: Int

  private init(
    name: String, summary: String, q: [[Rational]], k: [[Rational]], w: [[Rational]], beta: [Rational],
    blockSize: Int
  ) {
    self.name = name
    self.summary = summary
    self.blockSize = blockSize
    let shape = AttentionShape(
      length: q.count, queryHeads: 1, heads: 1, keyDim: q[0].count, valueDim: 1)
    // The rows above fit the shape, which a test of every case confirms.
    inputs = try! AttentionInputs(
      shape: shape, q: q.flatMap { $0 }, k: k.flatMap { $0 }, v: q.map { _ in .one }, w: w.flatMap { $0 }, beta: beta)
  }

  /// H_t = I − β_t w_tᵀ w_t, d × d.
  ///
  /// - Precondition: t is a token of the case.
  public func reflection(_ t: Int) -> Matrix<Rational> {
    let d = inputs.shape.keyDim
    let w = inputs.w.matrix.view.rows(t..<t + 1)
    let H = Matrix<Rational>(rows: d, columns: d)
    multiply(w.transposed, w, into: H)
    let β = inputs.beta.matrix[t, 0]
    for a in 0..<d {
      for b in 0..<d { H.mutableView[a, b] = (a == b ? .one : .zero) - β * H[a, b] }
    }
    return H
  }

  /// The logits A_ij = q_i H_i … H_{j+1} k_jᵀ by one of the forms, L × L; zero where j > i.
  public func logits(_ form: AttentionForm) throws(AttentionError) -> Matrix<Rational> {
    try PathAttention.logits(inputs, AttentionFunction(scale: .one), form: form)[0, 0]
  }

  /// The gradients of Σ_ij C_ij A_ij for C_ij = 1, by one of the forms.
  public func gradients(_ form: AttentionForm) throws(AttentionError) -> LogitGradients<Rational> {
    let cotangent = LogitTable<Rational>(inputs).map { _ in Rational.one }
    return try logitGradients(of: inputs, cotangent: cotangent, AttentionFunction(scale: .one), form: form)
  }

  /// What the blockwise form makes of each block.
  public func intermediates() throws(AttentionError) -> [BlockIntermediates<Rational>] {
    try blockIntermediates(inputs, segment: 0, queryHead: 0, blockSize: blockSize)
  }
}

extension WorkedCase {
  /// Every worked case, the simplest first.
  public static let all = [oneReflection, erasure, twoBlocks]

  /// Two tokens, one reflection.
  public static let oneReflection = WorkedCase(
    name: "one reflection",
    summary: "The second query sees the first key through its own reflection, and its own key as it is.",
    q: [[1, 0], [1, 2]], k: [[2, 1], [1, 1]], w: [[1, 0], [r(3, 5), r(4, 5)]], beta: [2, 2], blockSize: 1)

  /// β‖w‖² = 1 is a projection.
  public static let erasure = WorkedCase(
    name: "erasure",
    summary: "With β = 1, H₁ projects onto what is orthogonal to w₁. The first key lies along w₁ and is gone for every "
      + "query from the second on: R is singular, and cannot be undone.",
    q: [[1, 1], [2, 1], [1, 3]], k: [[3, 4], [1, 0], [0, 1]],
    w: [[1, 0], [r(3, 5), r(4, 5)], [r(-5, 13), r(12, 13)]], beta: [1, 1, r(1, 2)], blockSize: 2)

  /// Five tokens in blocks of two.
  public static let twoBlocks = WorkedCase(
    name: "two blocks and one token",
    summary: "Five tokens in blocks of two: diagonal tiles, boundary-adjusted queries and keys, and a query that is "
      + "carried over a whole block by R.",
    q: [[1, 0], [0, 1], [1, 1], [2, -1], [1, 3]], k: [[1, 2], [0, 1], [1, -1], [2, 0], [1, 1]],
    w: [
      [r(3, 5), r(4, 5)], [r(5, 13), r(12, 13)], [r(-4, 5), r(3, 5)], [r(8, 17), r(15, 17)], [r(3, 5), r(-4, 5)],
    ], beta: [1, 2, r(1, 2), r(3, 2), r(5, 4)], blockSize: 2)
}

private func r(_ numerator: Int, _ denominator: Int) -> Rational { Rational(numerator, denominator) }

extension Matrix where Element == Rational {
  /// The entries as text, row by row, like `["-24/5", "3"]`.
  public var fractions: [[String]] { (0..<rows).map { i in (0..<columns).map { self[i, $0].description } } }
}
