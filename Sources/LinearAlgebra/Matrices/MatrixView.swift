/// A read-only window on a matrix: any row and column range of it, or the transpose of one.
///
/// Entry (i, j) lies `i · rowStride + j · columnStride` entries after the first. A transpose only swaps the strides, and the
/// columns of one head of a `[token, head, lane]` tensor are a window of a (tokens × heads·lanes) matrix, so neither copies.
/// A view keeps the memory alive.
@frozen
public struct MatrixView<Element: Scalar>: @unchecked Sendable {
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
  init(_ window: MutableMatrixView<Element>) {
    owner = window.owner
    base = window.base
    rows = window.rows
    columns = window.columns
    rowStride = window.rowStride
    columnStride = window.columnStride
  }

  /// Entry (i, j).
  @inlinable public subscript(i: Int, j: Int) -> Element {
    assert(i >= 0 && i < rows && j >= 0 && j < columns)
    return base[i &* rowStride &+ j &* columnStride]
  }

  /// Row i as contiguous memory, valid while the view is alive.
  ///
  /// - Precondition: the rows are contiguous (the view is not a transpose).
  @inlinable public func row(_ i: Int) -> UnsafeBufferPointer<Element> {
    precondition(i >= 0 && i < rows && (columnStride == 1 || columns <= 1))
    return UnsafeBufferPointer(start: base + i * rowStride, count: columns)
  }

  /// The window of a range of rows.
  @inlinable public func rows(_ range: Range<Int>) -> Self { Self(writable.rows(range)) }

  /// The window of a range of columns.
  @inlinable public func columns(_ range: Range<Int>) -> Self { Self(writable.columns(range)) }

  /// The transpose, without a copy.
  @inlinable public var transposed: Self { Self(writable.transposed) }

  /// The same window, so that range arithmetic is written once. Never leaves this file.
  @inlinable var writable: MutableMatrixView<Element> {
    MutableMatrixView(
      owner: owner, base: base, rows: rows, columns: columns, rowStride: rowStride, columnStride: columnStride)
  }
}

extension MatrixView: ReadableMatrix {
  /// The view itself.
  @inlinable public var view: MatrixView<Element> { self }
}
