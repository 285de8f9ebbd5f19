import NumberFormats
public enum ElementType: String { case float64 = "F64"; public var format: NumberFormat? { .float64 } }
public struct TensorDescriptor { public let name: String, elementType: ElementType, shape: [Int] }
public struct TensorFile { public let path: String; public let metadata: [String: String]; public let tensors: [TensorDescriptor]
 public init(path: String) throws(TensorFileError) { throw TensorFileError() }
 public subscript(name: String) -> TensorDescriptor? { nil }
 public func doubles(_ name: String) throws(TensorFileError) -> [Double] { [] }
 public func integers(_ name: String) throws(TensorFileError) -> [Int] { [] }
}
public struct TensorFileError: Error, Equatable {}
