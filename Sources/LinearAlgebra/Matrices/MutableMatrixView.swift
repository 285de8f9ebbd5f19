/// A window on a matrix through which entries can be written; otherwise like `MatrixView`.
@frozen
public struct MutableMatrixView<Element: Scalar>: @unchecked Sendable {
  @usableFromInline let owner: Matrix<Element>
  @usableFromInline let base: UnsafeMutablePointer<Element>
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// The distance in memory between vertical neighbours, in entries.
  public let rowStride: Int
  /// The distance in memory between horizontal neighbours, in entries.
  public let columnStride: Int

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
  @inlinable public subscript(i: Int, j: Int) -> Element {
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
  @inlinable public func row(_ i: Int) -> UnsafeMutableBufferPointer<Element> {
    precondition(i >= 0 && i < rows && (columnStride == 1 || columns <= 1))
    return UnsafeMutableBufferPointer(start: base + i * rowStride, count: columns)
  }

  /// The window of a range of rows.
  @inlinable public func rows(_ range: Range<Int>) -> Self {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    return Self(
      owner: owner, base: base + range.lowerBound * rowStride, rows: range.count, columns: columns,
      rowStride: rowStride, columnStride: columnStride)
  }

  /// The window of a range of columns.
  @inlinable public func columns(_ range: Range<Int>) -> Self { transposed.rows(range).transposed }

  /// The first rows · columns entries of contiguous memory, in another shape.
  ///
  /// - Precondition: the window is contiguous and has as many entries.
  @inlinable public func reshaped(_ rows: Int, _ columns: Int) -> Self {
    precondition(columnStride == 1 && (rowStride == self.columns || self.rows <= 1))
    precondition(rows * columns <= self.rows * self.columns)
    return Self(owner: owner, base: base, rows: rows, columns: columns, rowStride: columns, columnStride: 1)
  }

  /// The transpose, without a copy.
  @inlinable public var transposed: Self {
    Self(
      owner: owner, base: base, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride)
  }
}

extension MutableMatrixView: WritableMatrix {
  /// The view itself.
  @inlinable public var mutableView: MutableMatrixView<Element> { self }
}
