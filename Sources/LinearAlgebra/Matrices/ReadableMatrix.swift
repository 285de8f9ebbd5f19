/// Anything that can be looked at as a matrix: a `Matrix` or a view of one. Operations take their operands as this.
public protocol ReadableMatrix<Element> {
  /// The scalar type of the entries.
  associatedtype Element: Scalar
  /// The operand as a read-only view.
  var view: MatrixView<Element> { get }
}

/// Anything that can be written as a matrix. Operations take their results as this.
@usableFromInline package protocol WritableMatrix<Element>: ReadableMatrix {
  /// The result as a mutable view.
  var mutableView: MutableMatrixView<Element> { get }
}

extension ReadableMatrix {
  /// Entry (i, j).
  @inlinable public subscript(i: Int, j: Int) -> Element { view[i, j] }

  /// The entries of row i.
  @inlinable public func rowEntries(_ i: Int) -> [Element] { (0..<view.columns).map { view[i, $0] } }

  /// The transpose, without a copy.
  @inlinable public var transposed: MatrixView<Element> { view.transposed }

  /// An owned copy.
  @inlinable public func copy() -> Matrix<Element> { Matrix(copying: view) }
}
