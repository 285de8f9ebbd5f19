import LinearAlgebra

/// Division of every head of every token by its length: x ↦ x / √(a Σ x² + ε).
///
/// With a = 1 that is the L2 normalisation of w; with a = 1/d the root mean square of q and k becomes 1.
public struct HeadNormalisation<S: LayerScalar>: Sendable {
  /// Lanes per head.
  public let lanes: Int
  let factor: S
  let epsilon: S

  /// The normalisation of w: x / √(Σ x² + 10⁻⁶).
  public static func length(lanes: Int) -> Self { Self(lanes: lanes, factor: .one, epsilon: S(1e-6)) }

  /// The normalisation of q and k: x / √(mean of x² + ε), without the factors that follow it.
  public static func rootMeanSquare(lanes: Int, epsilon: Double) -> Self {
    Self(lanes: lanes, factor: S(1 / Double(lanes)), epsilon: S(epsilon))
  }

  /// Every head of every row divided.
  ///
  /// - Precondition: the columns are a multiple of `lanes`.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func apply(to X: Matrix<S>) -> Matrix<S> {
    let result = X.copy()
    forEachHead(of: result.mutableView) { x in
      let r = reciprocalLength(UnsafeBufferPointer(x))
      for lane in 0..<x.count { x[lane] *= r }
    }
    return result
  }

  /// The cotangent of X, with n = x r: dx = r (dn − a (n · dn) n).
  func backward(_ dN: Matrix<S>, X: Matrix<S>) -> Matrix<S> {
    let dX = dN.copy()
    let entries = X.mutableView
    var (row, head) = (0, 0)
    forEachHead(of: dX.mutableView) { dx in
      let x = UnsafeBufferPointer(rebasing: entries.row(row)[head..<head + lanes])
      let r = reciprocalLength(x)
      let projection = factor * r * r * S.dot(x, UnsafeBufferPointer(dx))
      for lane in 0..<lanes { dx[lane] = r * (dx[lane] - projection * x[lane]) }
      head += lanes
      if head == X.columns { (row, head) = (row + 1, 0) }
    }
    return dX
  }

  private func reciprocalLength(_ x: UnsafeBufferPointer<S>) -> S {
    .one / S.sqrt(factor * S.dot(x, x) + epsilon)
  }

  private func forEachHead(of X: MutableMatrixView<S>, _ body: (UnsafeMutableBufferPointer<S>) -> Void) {
    precondition(X.columns % lanes == 0, "\(X.columns) columns are not heads of \(lanes) lanes")
    for i in 0..<X.rows {
      for start in stride(from: 0, to: X.columns, by: lanes) {
        body(UnsafeMutableBufferPointer(rebasing: X.row(i)[start..<start + lanes]))
      }
    }
  }
}
