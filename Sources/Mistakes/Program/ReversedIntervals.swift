import LinearAlgebra

extension Tape {
  /// A_ij ← A_ij − Σ_{j < s ≤ t ≤ i} X_is T_ts Y_tj, in O(L³). No operation may have read A before.
  ///
  /// The sum has both ends of the interval on the wrong operands, so unlike that of the definition it does not factor into
  /// products of triangles. For falling j, C_it = Σ_{j < s ≤ t} X_is T_ts grows by one term; for rising s,
  /// D_it = Σ_{j < s} dA_ij Y_tj does.
  func subtractReversedIntervals(
    _ X: Variable<S>, _ T: Variable<S>, _ Y: Variable<S>, from A: Variable<S>
  ) {
    let L = A.rows
    // Contiguous columns of T and Y.
    let (columnsOfT, columnsOfY) = (T.value.transposed.copy(), Y.value.transposed.copy())
    @Sendable func forEachInterval(
      _ C: Matrix<S>, _ body: (_ i: Int, _ j: Int, _ interval: Range<Int>) -> Void
    ) {
      for j in (0..<max(0, L - 1)).reversed() {
        let s = j + 1
        for i in s..<L {
          S.addScaled(X.value[i, s], columnsOfT.row(s, s..<i + 1), to: C.mutableRow(i, s..<i + 1))
          body(i, j, s..<i + 1)
        }
      }
    }
    let C = Matrix<S>(rows: L, columns: L)
    forEachInterval(C) { i, j, interval in
      A.value[i, j] -= S.dot(C.row(i, interval), columnsOfY.row(j, interval))
    }
    record {
      let (dT, dY) = (Matrix<S>(rows: L, columns: L), Matrix<S>(rows: L, columns: L))
      let C = Matrix<S>(rows: L, columns: L)
      forEachInterval(C) { i, j, interval in
        S.addScaled(-A.cotangent[i, j], C.row(i, interval), to: dY.mutableRow(j, interval))
      }
      let D = Matrix<S>(rows: L, columns: L)
      for s in 1..<max(1, L) {
        for i in s..<L {
          let interval = s..<i + 1
          S.addScaled(A.cotangent[i, s - 1], columnsOfY.row(s - 1, interval), to: D.mutableRow(i, interval))
          X.cotangent[i, s] -= S.dot(D.row(i, interval), columnsOfT.row(s, interval))
          S.addScaled(-X.value[i, s], D.row(i, interval), to: dT.mutableRow(s, interval))
        }
      }
      add(dT.transposed, to: T.cotangent)
      add(dY.transposed, to: Y.cotangent)
    }
  }
}

extension Matrix {
  fileprivate func row(_ i: Int, _ columns: Range<Int>) -> UnsafeBufferPointer<Element> {
    UnsafeBufferPointer(rebasing: view.row(i)[columns])
  }

  fileprivate func mutableRow(_ i: Int, _ columns: Range<Int>) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(rebasing: mutableView.row(i)[columns])
  }
}
