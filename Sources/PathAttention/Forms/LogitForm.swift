import LinearAlgebra

/// One way of computing the unscaled logits A_ij = q_i H_i H_{i−1} … H_{j+1} k_jᵀ (j ≤ i) of one segment of one key/value
/// head, and of pulling their cotangent back to q, k, w and β.
///
/// A form is made once from the key side (K, W, β) and then used by every query head of the group. It hands the logits to
/// a visitor tile by tile, so that it never decides what they are for: softmax, a table, or the cotangent of either.
///
/// All shapes are those of the segment: K and W are L × d, β is L × 1, Q is L × d. Inputs are valid here; the public entry
/// points have checked them.
protocol LogitForm<Element>: Sendable {
  associatedtype Element: Scalar

  /// Where the cotangents of the key side are collected, over query rows and query heads, until `finish`.
  associatedtype Cotangent

  /// The number of tokens of the segment.
  var length: Int { get }

  /// Visits every tile of A.
  func forward(_ Q: MatrixView<Element>, _ visitor: some LogitVisitor<Element>)

  /// The zero cotangent of the key side.
  func zeroCotangent() -> Cotangent

  /// Visits every tile of A, takes back its cotangent G from the visitor, adds the cotangent of the queries to `dQ`, and
  /// collects that of the key side.
  func backward(
    _ Q: MatrixView<Element>, _ visitor: some LogitVisitor<Element>, dQ: MutableMatrixView<Element>,
    into cotangent: inout Cotangent)

  /// Adds what was collected to the gradients of k (L × d), w (L × d) and β (L × 1).
  func finish(_ cotangent: Cotangent, _ gradient: KeyGradient<Element>)
}

/// The gradients of the key side of one segment of one head, as windows to be added to.
struct KeyGradient<S: Scalar>: Sendable {
  let dK: MutableMatrixView<S>
  let dW: MutableMatrixView<S>
  let dβ: MutableMatrixView<S>
}

/// What happens to the logits as a form produces them.
///
/// In a forward pass the visitor reads the tile (and may use it as scratch). In a backward pass it must leave in its place
/// the tile's cotangent G, with zeros where j > i.
protocol LogitVisitor<Element> {
  associatedtype Element: Scalar

  /// Visits the tile whose entry (r, c) is A_ij for i = row + r and j = column + c. Entries with j > i have no meaning.
  func visit(_ tile: MutableMatrixView<Element>, row: Int, column: Int)

  /// Called after the last tile.
  func finish()
}

extension LogitVisitor {
  func finish() {}

  /// How many entries of row r of a tile lie on or left of the diagonal.
  @inline(__always)
  func causalCount(_ tile: MutableMatrixView<Element>, row: Int, column: Int, _ r: Int) -> Int {
    min(tile.columns, row + r - column + 1)
  }
}
