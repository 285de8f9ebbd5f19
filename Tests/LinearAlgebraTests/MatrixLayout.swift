import LinearAlgebra
import Problems

/// The ways in which an operand can lie in memory. Every operation has to give the same through all of them.
enum MatrixLayout: CaseIterable {
  /// A matrix of its own.
  case whole
  /// The transpose of one.
  case transposed
  /// A window inside a larger one.
  case window
  /// The transpose of a window.
  case transposedWindow
}

/// A matrix of random elements in a given layout, with the memory around it, which operations must leave alone.
struct LaidOutMatrix<S: Scalar> {
  let layout: MatrixLayout
  let memory: Matrix<S>
  let view: MutableMatrixView<S>

  /// Random elements, also around the window.
  init(
    rows: Int, columns: Int, _ layout: MatrixLayout, using random: inout SeededGenerator,
    _ element: (inout SeededGenerator) -> S
  ) {
    let isTransposed = layout == .transposed || layout == .transposedWindow
    let isWindow = layout == .window || layout == .transposedWindow
    let (height, width) = isTransposed ? (columns, rows) : (rows, columns)
    // Three entries more than the window has: one above or to the left, two below or to the right.
    let margin = isWindow ? 3 : 0
    let count = (height + margin) * (width + margin)
    self.init(
      layout, Matrix(rows: height + margin, columns: width + margin, entries: (0..<count).map { _ in element(&random) })
    )
  }

  private init(_ layout: MatrixLayout, _ memory: Matrix<S>) {
    self.layout = layout
    self.memory = memory
    func window() -> MutableMatrixView<S> {
      memory.mutableView.rows(1..<memory.rows - 2).columns(1..<memory.columns - 2)
    }
    view =
      switch layout {
      case .whole: memory.mutableView
      case .transposed: memory.mutableView.transposed
      case .window: window()
      case .transposedWindow: window().transposed
      }
  }

  /// The same numbers in memory of their own.
  func copy() -> Self {
    Self(layout, Matrix(rows: memory.rows, columns: memory.columns, entries: memory.entries))
  }

  /// The matrix as the definitions below see it, without views.
  var dense: [[S]] { (0..<view.rows).map { i in (0..<view.columns).map { view[i, $0] } } }

  /// Entry after entry from a dense matrix.
  func set(_ dense: [[S]]) {
    for i in 0..<view.rows {
      for j in 0..<view.columns { view[i, j] = dense[i][j] }
    }
  }

  /// Whether the numbers in memory are equal, in the window and around it.
  static func == (a: Self, b: Self) -> Bool { a.memory.entries == b.memory.entries }
}

/// Σ_k A_ik B_kj, by the definition.
func definedProduct<S: Scalar>(_ A: [[S]], _ B: [[S]], columns: Int) -> [[S]] {
  A.map { row in
    (0..<columns).map { j in
      var sum = S.zero
      for (k, x) in row.enumerated() { sum += x * B[k][j] }
      return sum
    }
  }
}
