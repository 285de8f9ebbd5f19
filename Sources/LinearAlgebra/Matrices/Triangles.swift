/// A ← tril(A): entries right of the diagonal become zero.
@inlinable
package func keepLowerTriangle<S>(of A: some WritableMatrix<S>) {
  clear(A.mutableView) { $0 + 1 }
}

/// A ← stril(A): the diagonal and the entries right of it become zero.
@inlinable
package func keepStrictlyLowerTriangle<S>(of A: some WritableMatrix<S>) {
  clear(A.mutableView) { $0 }
}

/// A_ij ← 0 for j ≥ firstColumn(i).
@inlinable
package func clear<S>(_ A: MutableMatrixView<S>, from firstColumn: (Int) -> Int) {
  for i in 0..<A.rows {
    for j in min(firstColumn(i), A.columns)..<A.columns { A[i, j] = .zero }
  }
}
