/// A window on working memory, through which kernels write; otherwise like `MatrixView`. Outside of the package it can be
/// handed on, as an operation of `Scalar` may do, and not written to.
@frozen
public struct MutableMatrixView<Element: Scalar>: @unchecked Sendable {
  @usableFromInline let owner: Matrix<Element>
  @usableFromInline let base: UnsafeMutablePointer<Element>
  /// The number of rows.
  @usableFromInline package let rows: Int
  /// The number of columns.
  @usableFromInline package let columns: Int
  /// The distance in memory between vertical neighbours, in entries.
  @usableFromInline package let rowStride: Int
  /// The distance in memory between horizontal neighbours, in entries.
  @usableFromInline package let columnStride: Int

  @inlinable
  init(
    owner: Matrix<Element>, base: UnsafeMutablePointer<Element>, rows: Int, columns: Int, rowStride: Int,
    columnStride: Int
  ) {
    self.owner = owner
    self.base = base
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  /// Entry (i, j).
  @inlinable package subscript(i: Int, j: Int) -> Element {
    get {
      assert(i >= 0 && i < rows && j >= 0 && j < columns)
      return base[i &* rowStride &+ j &* columnStride]
    }
    nonmutating _modify {
      assert(i >= 0 && i < rows && j >= 0 && j < columns)
      yield &base[i &* rowStride &+ j &* columnStride]
    }
  }

  /// Row i as contiguous memory, valid while the view is alive.
  ///
  /// - Precondition: the rows are contiguous (the view is not a transpose).
  @inlinable package func row(_ i: Int) -> UnsafeMutableBufferPointer<Element> {
    precondition(i >= 0 && i < rows && (columnStride == 1 || columns <= 1))
    return UnsafeMutableBufferPointer(start: base + i * rowStride, count: columns)
  }

  /// The window of a range of rows.
  @inlinable package func rows(_ range: Range<Int>) -> Self {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    return Self(
      owner: owner, base: base + range.lowerBound * rowStride, rows: range.count, columns: columns,
      rowStride: rowStride, columnStride: columnStride)
  }

  /// The window of a range of columns.
  @inlinable package func columns(_ range: Range<Int>) -> Self { transposed.rows(range).transposed }

  /// The first rows · columns entries of contiguous memory, in another shape.
  ///
  /// - Precondition: the window is contiguous and has as many entries.
  @inlinable package func reshaped(_ rows: Int, _ columns: Int) -> Self {
    precondition(columnStride == 1 && (rowStride == self.columns || self.rows <= 1))
    precondition(rows * columns <= self.rows * self.columns)
    return Self(owner: owner, base: base, rows: rows, columns: columns, rowStride: columns, columnStride: 1)
  }

  /// The transpose, without a copy.
  @inlinable package var transposed: Self {
    Self(
      owner: owner, base: base, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride)
  }
}

extension MutableMatrixView: WritableMatrix {
  /// The same window for reading.
  @inlinable public var view: MatrixView<Element> { MatrixView(self) }

  /// The view itself.
  @inlinable package var mutableView: MutableMatrixView<Element> { self }
}
