import CLAPACKE
import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The UT transform against LAPACK, which has its own text for the same mathematics: products of reflections in compact WY
/// form (`dlarft`), one reflection at a time (`dlarfx`), and the inverse of a triangle (`dtrtri`).
@Suite struct LAPACKOracleTests {
  /// Reflections of every family: repeated and opposite w, β at 0, 1 and 2 and near 2, w shorter than 1.
  private static let reflections: [Reflections] = {
    var all: [Reflections] = []
    for (n, d) in [(1, 1), (2, 3), (5, 1), (8, 8), (16, 5), (33, 16), (64, 64), (65, 7)] {
      for β in [BetaFamily.one, .zero, .two, .uniform, .nearTwo, .runs] {
        for family in WFamily.allCases {
          var problem = Problem(
            shape: AttentionShape(length: n, queryHeads: 1, heads: 1, keyDim: d, valueDim: 1), seed: UInt64(n + d))
          problem.beta = β
          problem.w = family
          all.append(Reflections(problem))
        }
      }
    }
    return all
  }()

  @Test("T is the triangular factor that dlarft forms, to γ_(4(n+d)) |M⁻¹| |M| |M⁻¹| diag(β) in every entry")
  func triangularFactor() {
    for reflections in Self.reflections {
      let (n, d) = (reflections.n, reflections.d)
      let T = reflections.transform(of: identity(n))
      // dlarft wants unit vectors in the rows above W. v_i = (e_i, w_i) has the scalar products of the w_i, i ≠ j, and T
      // depends on no other. In the order of memory that LAPACK reads, column i of V is row i of [I W].
      let V = Matrix<Double>(rows: n, columns: n + d)
      for i in 0..<n { V.mutableView[i, i] = 1 }
      assign(reflections.W, to: V.mutableView.columns(n..<n + d))
      // H_1 H_2 … H_n = I − V F Vᵀ with F upper triangular, so H_n … H_1 has Fᵀ: column-major F is row-major Fᵀ.
      let found = Matrix<Double>(rows: n, columns: n)
      V.mutableView.withMemory { V in
        found.mutableView.withMemory { T in
          reflections.β.copy().mutableView.withMemory { β in
            #expect(
              LAPACKE_dlarft(
                LAPACK_COL_MAJOR, CChar(ascii: "F"), CChar(ascii: "C"), Int32(n + d), Int32(n), V, Int32(n + d), β, T,
                Int32(n)) == 0)
          }
        }
      }
      keepLowerTriangle(of: found)
      let bound = product(reflections.condition, diagonal(reflections.β))
      expect(T, found, within: bound, times: γ(4 * (n + d)), reflections.problem)
    }
  }

  @Test("I − Wᵀ T W is what dlarfx makes of the identity, one reflection after another")
  func reflectionsOneByOne() {
    for reflections in Self.reflections {
      let (n, d, W, β) = (reflections.n, reflections.d, reflections.W, reflections.β)
      let R = identity(d)
      subtractProduct(W.transposed, reflections.transform(of: W), from: R)
      // Column-major, from the right: memory holds Rᵀ, and Rᵀ H_n is (H_n R)ᵀ.
      let found = identity(d)
      var work = [Double](repeating: 0, count: d)
      for t in 0..<n {
        var w = (0..<d).map { W[t, $0] }
        found.mutableView.withMemory { C in
          #expect(
            LAPACKE_dlarfx(LAPACK_COL_MAJOR, CChar(ascii: "R"), Int32(d), Int32(d), &w, β[t, 0], C, Int32(d), &work)
              == 0)
        }
      }
      // One reflection of norm at most 1 after another has an error of at most 3 γ_(d+3) ‖R‖ in each step.
      // The UT transform has |Wᵀ| times that of T W, γ_(4(n+d)) |M⁻¹| |M| |M⁻¹| diag(β) |W|.
      let update = product(absolute(W.transposed), product(reflections.condition, product(diagonal(β), absolute(W))))
      let bound = γ(4 * (n + d)) * (norm(update) + norm(identity(d))) + 3 * Double(n) * γ(d + 3) * norm(identity(d))
      let difference = R.copy()
      subtractProduct(found, identity(d), from: difference)
      #expect(norm(difference) <= bound, "\(norm(difference)), bound \(bound), \(reflections.problem)")
    }
  }

  @Test("Solving with M multiplies by the inverse that dtrtri computes, to γ_(2n) |M⁻¹| |M| |M⁻¹| in every entry")
  func inverse() {
    for reflections in Self.reflections {
      let n = reflections.n
      let found = identity(n)
      solve(unitTriangular: reflections.M, .lower, found)
      expect(found, reflections.inverse, within: reflections.condition, times: γ(2 * n), reflections.problem)
    }
  }

  // MARK: Bounds

  /// γ_n = n u / (1 − n u) (Higham 2002, section 3.1).
  private func γ(_ n: Int) -> Double { Double(n) * 0x1p-53 / (1 - Double(n) * 0x1p-53) }

  private func expect(
    _ found: Matrix<Double>, _ expected: Matrix<Double>, within bound: Matrix<Double>, times factor: Double,
    _ problem: Problem
  ) {
    for i in 0..<found.rows {
      for j in 0..<found.columns {
        let difference = abs(found[i, j] - expected[i, j])
        if !(difference <= factor * bound[i, j]) {
          Issue.record("entry (\(i), \(j)) off by \(difference), bound \(factor * bound[i, j]), \(problem)")
          return
        }
      }
    }
  }

  private func norm(_ A: Matrix<Double>) -> Double { A.entries.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

/// The reflections of a problem with one head, and what the bounds are made of.
private struct Reflections: @unchecked Sendable {
  let problem: Problem
  let W: MatrixView<Double>
  let β: MatrixView<Double>
  /// Strictly lower part of M.
  let M: Matrix<Double>
  /// M⁻¹ by `dtrtri`.
  let inverse: Matrix<Double>
  /// |M⁻¹| (I + stril(diag(β) |W| |W|ᵀ)) |M⁻¹|: how far M⁻¹ moves when the scalar products in M and the steps of the
  /// substitution are rounded (Higham 2002, sections 3.5 and 14.2). β ≥ 0 here.
  let condition: Matrix<Double>

  var n: Int { W.rows }
  var d: Int { W.columns }

  /// T Y.
  func transform(of Y: some ReadableMatrix<Double>) -> Matrix<Double> { utTransform(W: W, β: β, of: Y).TY }

  init(_ problem: Problem) {
    self.problem = problem
    let inputs = try! problem.inputs()
    W = inputs.w.window(inputs.segments[0], head: 0)
    β = inputs.beta.window(inputs.segments[0], head: 0)
    let n = W.rows
    M = utTransform(W: W, β: β, of: identity(n)).M
    inverse = M.copy()
    for i in 0..<n { inverse.mutableView[i, i] = 1 }
    // The lower triangle of a row-major matrix is the upper one of the column-major transpose.
    let info = inverse.mutableView.withMemory {
      LAPACKE_dtrtri(LAPACK_COL_MAJOR, CChar(ascii: "U"), CChar(ascii: "U"), Int32(n), $0, Int32(n))
    }
    precondition(info == 0)
    let magnitude = product(absolute(W), absolute(W.transposed))
    scaleRows(of: magnitude, by: β)
    keepStrictlyLowerTriangle(of: magnitude)
    add(identity(n), to: magnitude)
    condition = product(absolute(inverse), product(magnitude, absolute(inverse)))
  }
}

private func identity(_ n: Int) -> Matrix<Double> {
  let I = Matrix<Double>(rows: n, columns: n)
  for i in 0..<n { I.mutableView[i, i] = 1 }
  return I
}

private func diagonal(_ β: MatrixView<Double>) -> Matrix<Double> {
  let D = identity(β.rows)
  scaleRows(of: D, by: β)
  return D
}

private func absolute(_ A: some ReadableMatrix<Double>) -> Matrix<Double> {
  Matrix(rows: A.view.rows, columns: A.view.columns, entries: A.copy().entries.map(abs))
}

private func product(_ A: Matrix<Double>, _ B: Matrix<Double>) -> Matrix<Double> {
  let C = Matrix<Double>(rows: A.rows, columns: B.columns)
  multiply(A, B, into: C)
  return C
}

extension MutableMatrixView<Double> {
  /// The memory of a whole matrix, for a routine of LAPACK.
  fileprivate func withMemory<Result>(_ body: (UnsafeMutablePointer<Double>) -> Result) -> Result {
    body(row(0).baseAddress!)
  }
}

extension CChar {
  fileprivate init(ascii character: UnicodeScalar) { self = CChar(UInt8(ascii: character)) }
}
