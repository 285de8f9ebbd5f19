/// A dense matrix in row-major order that owns its memory.
///
/// To everyone outside of this package a matrix is a value that never changes. Within it, the entry point that has made one
/// fills it through `mutableView`, from several threads in parts of their own, before it hands it out, and nobody writes after
/// that; views, and the views' views, read and write the same memory and keep it alive.
public final class Matrix<Element: Scalar>: @unchecked Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  @usableFromInline let base: UnsafeMutablePointer<Element>

  /// The zero matrix of a shape.
  ///
  /// - Precondition: both sizes are non-negative and their product is representable.
  @inlinable
  public init(rows: Int, columns: Int) {
    let count = Self.count(rows: rows, columns: columns)
    self.rows = rows
    self.columns = columns
    base = .allocate(capacity: count)
    base.initialize(repeating: .zero, count: count)
  }

  /// A matrix with given entries, row after row.
  ///
  /// - Precondition: there are rows · columns of them.
  @inlinable
  public init(rows: Int, columns: Int, entries: [Element]) {
    let count = Self.count(rows: rows, columns: columns)
    precondition(entries.count == count, "\(rows) × \(columns) entries expected, \(entries.count) found")
    self.rows = rows
    self.columns = columns
    base = .allocate(capacity: count)
    entries.withUnsafeBufferPointer { entries in
      if let first = entries.baseAddress { base.initialize(from: first, count: entries.count) }
    }
  }

  /// A copy of what a view shows.
  @inlinable
  public init(copying view: MatrixView<Element>) {
    rows = view.rows
    columns = view.columns
    base = .allocate(capacity: rows * columns)
    for i in 0..<rows {
      let row = base + i * columns
      if view.columnStride == 1 {
        if let entries = view.row(i).baseAddress { row.initialize(from: entries, count: columns) }
      } else {
        for j in 0..<columns { (row + j).initialize(to: view[i, j]) }
      }
    }
  }

  @inlinable
  static func count(rows: Int, columns: Int) -> Int {
    let (count, isTooLarge) = rows.multipliedReportingOverflow(by: columns)
    precondition(rows >= 0 && columns >= 0 && !isTooLarge, "a matrix cannot have \(rows) × \(columns) entries")
    return count
  }

  deinit {
    base.deinitialize(count: rows * columns)
    base.deallocate()
  }

  /// The entries, row after row.
  @inlinable public var entries: [Element] { Array(UnsafeBufferPointer(start: base, count: rows * columns)) }
}

extension Matrix: WritableMatrix {
  /// The whole matrix, for reading.
  @inlinable public var view: MatrixView<Element> { MatrixView(mutableView) }

  /// The whole matrix, for reading and writing.
  @inlinable package var mutableView: MutableMatrixView<Element> {
    MutableMatrixView(owner: self, base: base, rows: rows, columns: columns, rowStride: columns, columnStride: 1)
  }
}
