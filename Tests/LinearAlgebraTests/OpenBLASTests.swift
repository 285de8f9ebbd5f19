import LinearAlgebra
import Problems
import Testing

/// `Float` and `Double` through OpenBLAS against plain loops, within the bounds of rounding error analysis, and where the
/// interface to BLAS has traps.
@Suite struct OpenBLASTests {
  /// Around the sizes at which kernels change.
  static let sizes = [1, 2, 4, 8, 16, 24, 32, 127, 128, 129]

  @Test("Products agree with plain loops to 2 γ_(n+1) (|C| + |A| |B|) in every entry")
  func products() {
    #expect(productViolation(Double.self) == nil)
    #expect(productViolation(Float.self) == nil)
  }

  @Test("Solutions X of M X = B have a residual of at most γ_n |M| |X| in every entry")
  func solves() {
    #expect(solveViolation(Double.self) == nil)
    #expect(solveViolation(Float.self) == nil)
  }

  @Test("What BLAS must not read may be NaN: the old C of a replacement, the other triangle, the diagonal")
  func unread() {
    var random = SeededGenerator(seed: 3)
    for n in [1, 3, 8, 33, 128] {
      for layout in MatrixLayout.allCases {
        let A = graded(rows: n, columns: n, layout, Double.self, &random)
        let C = graded(rows: n, columns: n, layout, Double.self, &random)
        fill(C.view, with: .nan)
        multiply(A.view, A.view, into: C.view)
        #expect(C.view.copy().entries.allSatisfy { $0.isFinite }, "product, n = \(n), \(layout)")

        for triangle in [Triangle.lower, .upper] {
          let M = graded(rows: n, columns: n, layout, Double.self, &random)
          for i in 0..<n {
            for j in 0..<n where i == j || (j < i) != (triangle == .lower) { M.view[i, j] = .nan }
          }
          let B = graded(rows: n, columns: 3, layout, Double.self, &random)
          solve(unitTriangular: M.view, triangle, B.view)
          #expect(B.view.copy().entries.allSatisfy { !$0.isNaN }, "solve, n = \(n), \(layout), \(triangle)")
        }
      }
    }
  }

  @Test("NaN and infinity in an operand reach the entries they belong to, and no others")
  func specialValues() {
    let n = 20
    for special in [Double.nan, .infinity] {
      let A = Matrix<Double>(rows: n, columns: n, entries: [Double](repeating: 1, count: n * n))
      let B = A.copy()
      A.mutableView[4, 7] = special
      let C = Matrix<Double>(rows: n, columns: n)
      multiply(A, B, into: C)
      for i in 0..<n {
        for j in 0..<n { #expect(C[i, j].isFinite == (i != 4), "\(special), entry (\(i), \(j))") }
      }
    }
  }

  // MARK: Bounds

  /// γ_n = n u / (1 − n u): n roundings one after another (Higham 2002, section 3.1).
  private func γ<S: BinaryFloatingPoint>(_ n: Int, _: S.Type) -> S {
    let nu = S(n) * S.ulpOfOne / 2
    return nu / (1 - nu)
  }

  /// Normal numbers times powers of two from 2⁻¹⁰ to 2¹⁰, so that a bound on each entry says more than one on the norm.
  private func graded<S: Scalar & BinaryFloatingPoint>(
    rows: Int, columns: Int, _ layout: MatrixLayout, _: S.Type, _ random: inout SeededGenerator
  ) -> LaidOutMatrix<S> {
    LaidOutMatrix(rows: rows, columns: columns, layout, using: &random) { random in
      let exponent = Int.random(in: -10...10, using: &random)
      return S(random.normal()) * S(sign: .plus, exponent: S.Exponent(exponent), significand: 1)
    }
  }

  /// Both orders of summation have an error of at most γ_(n+1) (|C| + |A| |B|) (Higham 2002, section 3.5), so that is twice
  /// what they may be apart.
  private func productViolation<S: Scalar & BinaryFloatingPoint>(_: S.Type) -> String? {
    var random = SeededGenerator(seed: 1)
    for n in Self.sizes {
      for update in [ProductUpdate.replace, .add, .subtract] {
        let layouts = (0..<3).map { _ in MatrixLayout.allCases.randomElement(using: &random)! }
        let (rows, inner) = (max(1, n + Int.random(in: -1...1, using: &random)), n)
        let A = graded(rows: rows, columns: inner, layouts[0], S.self, &random)
        let B = graded(rows: inner, columns: n, layouts[1], S.self, &random)
        let C = graded(rows: rows, columns: n, layouts[2], S.self, &random)
        let old = C.view.copy()
        switch update {
        case .replace: multiply(A.view, B.view, into: C.view)
        case .add: addProduct(A.view, B.view, to: C.view)
        case .subtract: subtractProduct(A.view, B.view, from: C.view)
        }
        for i in 0..<rows {
          for j in 0..<n {
            var (sum, magnitude) = update == .replace ? (S.zero, S.zero) : (old[i, j], abs(old[i, j]))
            for k in 0..<inner {
              let term = A.view[i, k] * B.view[k, j]
              sum += update == .subtract ? -term : term
              magnitude += abs(term)
            }
            guard abs(C.view[i, j] - sum) <= 2 * γ(inner + 1, S.self) * magnitude else {
              return "\(S.self), n = \(n), \(update), \(layouts), entry (\(i), \(j)): \(C.view[i, j]), plain \(sum)"
            }
          }
        }
      }
    }
    return nil
  }

  /// Substitution solves (M + ΔM) X = B exactly with |ΔM| ≤ γ_n |M|, in whatever order it sums (Higham 2002, theorem 8.5).
  /// Computing the residual adds as much again, and the rounding of B.
  private func solveViolation<S: Scalar & BinaryFloatingPoint>(_: S.Type) -> String? {
    var random = SeededGenerator(seed: 2)
    for n in Self.sizes {
      for triangle in [Triangle.lower, .upper] {
        let layouts = (0..<2).map { _ in MatrixLayout.allCases.randomElement(using: &random)! }
        // Entries around 1/n keep the solution from growing beyond the range of Float.
        let M = graded(rows: n, columns: n, layouts[0], S.self, &random)
        for i in 0..<n {
          for j in 0..<n { M.view[i, j] /= S(64 * n) }
        }
        let X = graded(rows: n, columns: 5, layouts[1], S.self, &random)
        let B = X.view.copy()
        solve(unitTriangular: M.view, triangle, X.view)
        for i in 0..<n {
          for column in 0..<5 {
            var (residual, magnitude) = (B[i, column] - X.view[i, column], abs(X.view[i, column]))
            for j in triangle == .lower ? 0..<i : i + 1..<n {
              let term = M.view[i, j] * X.view[j, column]
              residual -= term
              magnitude += abs(term)
            }
            let bound = γ(n, S.self) * magnitude + γ(n + 1, S.self) * (magnitude + abs(B[i, column]))
            guard abs(residual) <= bound else {
              return "\(S.self), n = \(n), \(triangle), \(layouts): residual \(residual), bound \(bound)"
            }
          }
        }
      }
    }
    return nil
  }
}
