/// B ← A.
@inlinable
package func assign<S>(_ A: some ReadableMatrix<S>, to B: some WritableMatrix<S>) {
  combine(A.view, into: B.mutableView) { $1 = $0 }
}

/// B ← B + A.
@inlinable
package func add<S>(_ A: some ReadableMatrix<S>, to B: some WritableMatrix<S>) {
  combine(A.view, into: B.mutableView) { $1 += $0 }
}

/// Every entry of A ← value.
@inlinable
package func fill<S>(_ A: some WritableMatrix<S>, with value: S) {
  let A = A.mutableView
  for i in 0..<A.rows {
    for j in 0..<A.columns { A[i, j] = value }
  }
}

/// B ← −B.
@inlinable
package func negate<S>(_ B: some WritableMatrix<S>) {
  let B = B.mutableView
  combine(B.view, into: B) { $1 = -$0 }
}

/// A ← diag(β) A, where β is a column.
@inlinable
package func scaleRows<S>(of A: some WritableMatrix<S>, by β: some ReadableMatrix<S>) {
  let A = A.mutableView
  let β = β.view
  precondition(β.rows == A.rows && β.columns == 1, "diag(β) does not fit")
  for i in 0..<A.rows {
    let βi = β[i, 0]
    for j in 0..<A.columns { A[i, j] *= βi }
  }
}

/// c ← c + rowsum(A ∘ B), where c is a column.
@inlinable
package func addRowSums<S>(
  ofHadamard A: some ReadableMatrix<S>, _ B: some ReadableMatrix<S>, to c: some WritableMatrix<S>
) {
  let A = A.view
  let B = B.view
  let c = c.mutableView
  precondition(A.rows == B.rows && A.columns == B.columns && c.rows == A.rows && c.columns == 1)
  for i in 0..<A.rows {
    var sum = S.zero
    for j in 0..<A.columns { sum += A[i, j] * B[i, j] }
    c[i, 0] += sum
  }
}

/// Visits the pairs of entries of two matrices of one shape.
@inlinable @inline(__always)
func combine<S>(_ A: MatrixView<S>, into B: MutableMatrixView<S>, _ body: (S, inout S) -> Void) {
  precondition(A.rows == B.rows && A.columns == B.columns, "shapes do not agree")
  guard A.columnStride == 1 && B.columnStride == 1 else {
    for i in 0..<A.rows {
      for j in 0..<A.columns { body(A[i, j], &B[i, j]) }
    }
    return
  }
  // Row pointers out of the inner loop let the compiler vectorise it.
  for i in 0..<A.rows {
    let a = A.row(i)
    let b = B.row(i)
    for j in 0..<a.count { body(a[j], &b[j]) }
  }
}
