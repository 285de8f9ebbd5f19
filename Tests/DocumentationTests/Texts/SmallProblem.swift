import LinearAlgebra
import PathAttention

/// A problem of a few tokens in fractions: one head, scale 1.
struct SmallProblem {
  let q: Matrix<Rational>
  let k: Matrix<Rational>
  let w: Matrix<Rational>
  let β: [Rational]
  let g: [Rational]?
  var length: Int { q.rows }

  init(
    q: [[Rational]], k: [[Rational]], w: [[Rational]], β: [Rational], g: [Rational]? = nil
  ) {
    func matrix(_ rows: [[Rational]]) -> Matrix<Rational> {
      Matrix(rows: rows.count, columns: rows[0].count, entries: rows.flatMap { $0 })
    }
    (self.q, self.k, self.w, self.β, self.g) = (matrix(q), matrix(k), matrix(w), β, g)
  }

  init(_ inputs: AttentionInputs<Rational>) {
    (q, k, w, β, g) = (inputs.q.matrix, inputs.k.matrix, inputs.w.matrix, inputs.beta.entries, nil)
  }

  /// The three tokens that most examples are about.
  static let threeTokens = SmallProblem(
    q: [[1, 0], [1, 2], [2, -1]], k: [[2, 1], [1, 1], [1, -1]],
    w: [[0, 1], [Rational(3, 5), Rational(4, 5)], [1, 0]], β: [1, 2, Rational(3, 2)])

  /// Some of the tokens.
  func tokens(_ range: Range<Int>) throws -> AttentionInputs<Rational> {
    func entries(_ M: Matrix<Rational>) -> [Rational] { M.view.rows(range).copy().entries }
    return try AttentionInputs(
      shape: AttentionShape(length: range.count, queryHeads: 1, heads: 1, keyDim: q.columns, valueDim: 1),
      q: entries(q), k: entries(k), v: range.map { _ in .one }, w: entries(w), beta: Array(β[range]),
      g: g.map { Array($0[range]) })
  }

  func H(_ t: Int) -> Matrix<Rational> { reflection(w.row(t), β[t]) }

  func logits(_ form: AttentionForm, scale: Rational = .one, gate: GateConvention = .scaled) throws -> Matrix<Rational>
  {
    try PathAttention.logits(inputs, AttentionFunction(scale: scale, gate: gate), form: form)[0, 0]
  }

  var inputs: AttentionInputs<Rational> { get throws { try tokens(0..<length) } }
}
