/// What the header of a file says of one tensor.
public struct TensorDescriptor: Sendable, Equatable {
  /// The name, unique in the file.
  public let name: String
  /// The type of the elements, by its name in the file.
  public let dtype: String
  /// The type of the elements; nil if it is none that can be read.
  public let elementType: ElementType?
  /// The dimensions, outermost first; empty for a single number.
  public let shape: [Int]
  /// The bytes of the elements, counted from the first byte after the header.
  let bytes: Range<Int>

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The same as a number that does not overflow, whatever a header claims.
  package var entries: Double { shape.reduce(1) { $0 * Double($1) } }
}
