/// C ← A B, in O(rows · columns · inner).
///
/// - Precondition: the shapes fit, and C overlaps neither operand.
@inlinable
package func multiply<S>(
  _ A: some ReadableMatrix<S>, _ B: some ReadableMatrix<S>, into C: some WritableMatrix<S>
) {
  update(C.mutableView, with: A.view, B.view, .replace)
}

/// C ← C + A B, in O(rows · columns · inner).
///
/// - Precondition: the shapes fit, and C overlaps neither operand.
@inlinable
package func addProduct<S>(
  _ A: some ReadableMatrix<S>, _ B: some ReadableMatrix<S>, to C: some WritableMatrix<S>
) {
  update(C.mutableView, with: A.view, B.view, .add)
}

/// C ← C − A B, in O(rows · columns · inner).
///
/// - Precondition: the shapes fit, and C overlaps neither operand.
@inlinable
package func subtractProduct<S>(
  _ A: some ReadableMatrix<S>, _ B: some ReadableMatrix<S>, from C: some WritableMatrix<S>
) {
  update(C.mutableView, with: A.view, B.view, .subtract)
}

/// Checks the shapes once, for every scalar, before the scalar's own product: OpenBLAS would print a line and return.
@inlinable
func update<S>(
  _ C: MutableMatrixView<S>, with A: MatrixView<S>, _ B: MatrixView<S>, _ update: ProductUpdate
) {
  precondition(A.rows == C.rows && B.columns == C.columns && A.columns == B.rows, "shapes of a product do not fit")
  guard C.rows > 0 && C.columns > 0 else { return }
  S.multiply(A, B, into: C, update)
}
