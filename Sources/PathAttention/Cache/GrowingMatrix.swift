import LinearAlgebra

/// A matrix to which rows are added at the end, with the value semantics of an array: a copy that is written to becomes a
/// copy of its own.
///
/// Appending n rows one by one costs O(n · columns) in all, because the room doubles when it is full.
struct GrowingMatrix<S: Scalar>: Sendable {
  private var memory: Matrix<S>
  private(set) var rows: Int

  /// No rows.
  init(columns: Int) {
    memory = Matrix(rows: 0, columns: columns)
    rows = 0
  }

  var columns: Int { memory.columns }

  var view: MatrixView<S> { memory.view.rows(0..<rows) }

  /// The rows in memory that no other copy can see.
  mutating func mutableView() -> MutableMatrixView<S> {
    if !isKnownUniquelyReferenced(&memory) { memory = view.copy() }
    return memory.mutableView.rows(0..<rows)
  }

  mutating func append(_ newRows: MatrixView<S>) {
    reserve(rows + newRows.rows)
    assign(newRows, to: memory.mutableView.rows(rows..<rows + newRows.rows))
    rows += newRows.rows
  }

  private mutating func reserve(_ count: Int) {
    guard count > memory.rows || !isKnownUniquelyReferenced(&memory) else { return }
    let larger = Matrix<S>(rows: count > memory.rows ? max(count, 2 * rows) : memory.rows, columns: columns)
    assign(view, to: larger.mutableView.rows(0..<rows))
    memory = larger
  }
}
