/// B ← M⁻¹ B for a square M of which only the entries strictly inside `triangle` are read and whose diagonal counts as 1,
/// in O(rows² · columns).
///
/// The other three solves are the same one seen through transposes:
///
///     M⁻ᵀ B      solve(unitTriangular: M.transposed, .upper, B)
///     B M⁻¹      solve(unitTriangular: M.transposed, .upper, B.transposed)
///     B M⁻ᵀ      solve(unitTriangular: M, .lower, B.transposed)
///
/// (for a lower triangular M). No division takes place, so any `Scalar` will do.
@inlinable
package func solve<S>(unitTriangular M: some ReadableMatrix<S>, _ triangle: Triangle, _ B: some WritableMatrix<S>) {
  let M = M.view
  let B = B.mutableView
  precondition(M.rows == M.columns && M.rows == B.rows, "shapes of a triangular solve do not fit")
  guard B.rows > 0 && B.columns > 0 else { return }
  S.solve(unitTriangular: M, triangle, B)
}
