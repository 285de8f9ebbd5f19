import LinearAlgebra
import Problems
import Testing

/// Matrices and their windows, and the operations entry by entry, over the prime field and through every layout.
@Suite struct MatrixTests {
  typealias Field = PrimeField

  private static let shapes = [(0, 0), (0, 3), (3, 0), (1, 1), (1, 5), (5, 1), (4, 4), (3, 6), (6, 3)]

  /// Calls `body` for every shape with every two layouts.
  private func forEveryPair(
    seed: UInt64, _ body: (_ A: LaidOutMatrix<Field>, _ B: LaidOutMatrix<Field>, _ label: Comment) -> Void
  ) {
    var random = SeededGenerator(seed: seed)
    for (rows, columns) in Self.shapes {
      for layoutA in MatrixLayout.allCases {
        for layoutB in MatrixLayout.allCases {
          let A = LaidOutMatrix(rows: rows, columns: columns, layoutA, using: &random) { $0.fieldElement() }
          let B = LaidOutMatrix(rows: rows, columns: columns, layoutB, using: &random) { $0.fieldElement() }
          body(A, B, "\(rows) × \(columns), \(layoutA) and \(layoutB)")
        }
      }
    }
  }

  /// Whether `found` became what `definition` says of the entries before, and nothing around it changed.
  private func expect(
    _ before: LaidOutMatrix<Field>, _ label: Comment, _ definition: (Int, Int) -> Field,
    after operation: (MutableMatrixView<Field>) -> Void
  ) {
    let found = before.copy()
    let expected = before.copy()
    expected.set((0..<before.view.rows).map { i in (0..<before.view.columns).map { definition(i, $0) } })
    operation(found.view)
    #expect(found == expected, label)
  }

  @Test("assign, add, negate and fill, entry by entry")
  func elementwise() {
    forEveryPair(seed: 1) { A, B, label in
      expect(B, label, { A.view[$0, $1] }, after: { assign(A.view, to: $0) })
      expect(B, label, { B.view[$0, $1] + A.view[$0, $1] }, after: { add(A.view, to: $0) })
      expect(B, label, { -B.view[$0, $1] }, after: { negate($0) })
      expect(B, label, { _, _ in Field(7) }, after: { fill($0, with: Field(7)) })
      #expect(A.view.copy().entries == A.dense.flatMap { $0 }, label)
    }
  }

  @Test("scaleRows multiplies by diag(β) from the left; addRowSums adds the row sums of a Hadamard product")
  func rows() {
    forEveryPair(seed: 2) { A, B, label in
      // β and the sums may be a column of any matrix, or lie along a row.
      var random = SeededGenerator(seed: 3)
      let β = LaidOutMatrix(rows: A.view.rows, columns: 1, B.layout, using: &random) { $0.fieldElement() }
      expect(A, label, { A.view[$0, $1] * β.view[$0, 0] }, after: { scaleRows(of: $0, by: β.view) })
      expect(
        β, label,
        { i, _ in (0..<A.view.columns).reduce(β.view[i, 0]) { $0 + A.view[i, $1] * B.view[i, $1] } },
        after: { addRowSums(ofHadamard: A.view, B.view, to: $0) })
    }
  }

  @Test("The two triangles, with and without the diagonal, of square and other matrices")
  func triangles() {
    forEveryPair(seed: 4) { A, _, label in
      expect(A, label, { $1 <= $0 ? A.view[$0, $1] : .zero }, after: { keepLowerTriangle(of: $0) })
      expect(A, label, { $1 < $0 ? A.view[$0, $1] : .zero }, after: { keepStrictlyLowerTriangle(of: $0) })
    }
  }

  @Test("Windows of windows and transposes address the entries they say")
  func windows() {
    let A = Matrix<Double>(rows: 5, columns: 7, entries: (0..<35).map(Double.init))
    let window = A.view.rows(1..<5).columns(2..<7).transposed.rows(1..<4)
    #expect(window.rows == 3 && window.columns == 4)
    for i in 0..<3 {
      for j in 0..<4 { #expect(window[i, j] == A[1 + j, 3 + i]) }
    }
    #expect(Array(A.view.rows(2..<4).columns(5..<7).row(1)) == [26, 27])
    #expect(A.view.rows(5..<5).rows == 0 && A.view.columns(7..<7).columns == 0)
    window.transposed.copy().mutableView[0, 0] = -1
    #expect(A.entries == (0..<35).map(Double.init), "a copy has memory of its own")
  }

  @Test("A view keeps the memory alive")
  func lifetime() {
    func view() -> MatrixView<Double> { Matrix(rows: 64, columns: 64, entries: Array(repeating: 3, count: 4096)).view }
    let kept = view().rows(10..<20)
    // Would take the place of memory that had been given back.
    let others = (0..<64).map { _ in Matrix<Double>(rows: 64, columns: 64) }
    #expect(kept.copy().entries.allSatisfy { $0 == 3 })
    #expect(others.allSatisfy { $0[0, 0] == 0 })
  }

  @Test("Sizes that cannot be, and shapes that do not fit, stop the program")
  func preconditions() async {
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: -1, columns: 1) }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: -2, columns: -2) }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: -2, columns: -2, entries: [1, 2, 3, 4]) }
    // 2⁶⁴ ≡ 0 entries, and 2⁶² of 8 bytes each.
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: 1 << 32, columns: 1 << 32) }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: 1 << 31, columns: 1 << 31) }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: 1 << 32, columns: 1 << 32, entries: []) }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: 2, columns: 2, entries: [1, 2, 3]) }
    await #expect(processExitsWith: .failure) {
      let A = Matrix<Double>(rows: 2, columns: 3)
      multiply(A, A, into: Matrix(rows: 2, columns: 3))
    }
    await #expect(processExitsWith: .failure) {
      solve(unitTriangular: Matrix<Double>(rows: 2, columns: 2), .lower, Matrix(rows: 3, columns: 1))
    }
    await #expect(processExitsWith: .failure) { _ = Matrix<Double>(rows: 2, columns: 2).view.rows(1..<3) }
  }
}
