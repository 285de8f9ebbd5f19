import LinearAlgebra

/// One way of computing the unscaled logits A_ij = q_i H_i H_{i−1} … H_{j+1} k_jᵀ (j ≤ i) of one segment of one key/value
/// head, and of pulling their cotangent back to q, k, w and β.
///
/// A form is made once from the key side (K, W, β) and then used by every query head of the group. It hands the logits to
/// a visitor tile by tile, so that it never decides what they are for: softmax, a table, or the cotangent of either.
///
/// Query rows are visited piece by piece. Pieces know nothing of each other, so they may be visited at the same time, and of
/// a piece any rows may be left out.
///
/// K and W are L × d and β is L × 1. Inputs are valid here; the public entry points have checked them.
protocol LogitForm<Element>: Sendable {
  associatedtype Element: Scalar

  /// Where the cotangents of the key side are collected, over pieces and query heads, until `finish`.
  associatedtype Cotangent

  /// The tokens of the segment, cut into the ranges whose query rows are visited together.
  var pieces: [Range<Int>] { get }

  /// Visits every tile of A for queries of one piece.
  func forward(_ queries: QueryRows<Element>, _ visitor: some LogitVisitor<Element>)

  /// The zero cotangent of the key side.
  func zeroCotangent() -> Cotangent

  /// Visits every tile of A for queries of one piece, takes back its cotangent G from the visitor, adds the cotangent of the
  /// queries to `dQ` (in the shape of `queries.Q`), and collects that of the key side. All queries of a piece go to the same
  /// `cotangent`.
  func backward(
    _ queries: QueryRows<Element>, _ visitor: some LogitVisitor<Element>, dQ: MutableMatrixView<Element>,
    into cotangent: inout Cotangent)

  /// Adds the sum of what was collected, in the given order, to the gradients of k (L × d), w (L × d) and β (L × 1).
  ///
  /// - Parameter threads: How many threads may be used; the result does not depend on it.
  func finish(_ cotangents: [Cotangent], _ gradient: KeyGradient<Element>, threads: Int)
}

/// Some or all queries of a piece.
struct QueryRows<S: Scalar>: Sendable {
  /// The tokens of the queries within the segment, ascending.
  let tokens: [Int]
  /// The queries, one row for each token.
  let Q: MatrixView<S>

  /// The positions in `tokens` of those that lie in a range.
  func positions(in range: Range<Int>) -> Range<Int> {
    position(of: range.lowerBound)..<position(of: range.upperBound)
  }

  /// The number of tokens before one.
  private func position(of token: Int) -> Int {
    var (low, high) = (0, tokens.count)
    while low < high {
      let middle = (low + high) / 2
      if tokens[middle] < token { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The gradients of the key side of one segment of one head, as windows to be added to.
struct KeyGradient<S: Scalar>: Sendable {
  let dK: MutableMatrixView<S>
  let dW: MutableMatrixView<S>
  let dβ: MutableMatrixView<S>

  /// The same for a range of tokens.
  func tokens(_ range: Range<Int>) -> Self {
    Self(dK: dK.rows(range), dW: dW.rows(range), dβ: dβ.rows(range))
  }
}

/// What happens to the logits as a form produces them.
///
/// In a forward pass the visitor reads the tile (and may use it as scratch). In a backward pass it must leave in its place
/// the tile's cotangent G, with zeros where j > i.
protocol LogitVisitor<Element> {
  associatedtype Element: Scalar

  /// Visits the tile whose entry (r, c) is A_ij for i = tokens[rows][r] and j = column + c, where `tokens` are those of the
  /// queries that the form was given. Entries with j > i have no meaning. Rows of the tile are contiguous.
  func visit(_ tile: MutableMatrixView<Element>, rows: Range<Int>, column: Int)
}

/// How many keys of the columns that start at `column` the query of a token sees.
@inline(__always)
func causalCount(token: Int, column: Int, columns: Int) -> Int { min(columns, token - column + 1) }
