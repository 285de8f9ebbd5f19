import Foundation
import NumberFormats

/// An open safetensors file: mapped into memory, its header read and checked against its size.
///
/// Once open, every tensor it lists can be read: types are known, shapes and byte ranges agree, ranges neither overlap nor
/// leave holes nor reach beyond the end. The file must not shrink meanwhile, as for anything mapped.
///
/// The format: 8 bytes of little-endian header length, the header in JSON, the elements in little-endian row-major order.
public struct TensorFile: Sendable {
  /// Where the file is.
  public let path: String
  /// The strings that the header carries.
  public let metadata: [String: String]
  /// The tensors, in the order of their bytes.
  public let tensors: [TensorDescriptor]
  private let index: [String: Int]
  private let data: Data
  private let payload: Int

  /// The longest header that the format allows, in bytes.
  public static let longestHeader = 100_000_000

  /// Opens a file.
  ///
  /// - Throws: `TensorFileError` when it cannot be read or is not a safetensors file in every respect.
  /// - Complexity: O(header); elements are not touched.
  public init(path: String) throws(TensorFileError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch {
      throw .unreadable(file: path, reason: Self.reason(error, path))
    }
    try self.init(data, path: path)
  }

  /// A file of which the bytes are at hand, counted from 0.
  package init(_ data: Data, path: String) throws(TensorFileError) {
    self.path = path
    self.data = data
    guard data.count >= 8 else {
      throw .unreadable(file: path, reason: "a safetensors file has at least 8 bytes, found \(data.count)")
    }
    let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    let limit = min(Self.longestHeader, data.count - 8)
    guard length >= 2, length <= UInt64(limit) else {
      throw .headerLength(file: path, expected: "2 to \(limit)", found: length)
    }
    payload = 8 + Int(length)
    var parser = HeaderParser([UInt8](data[8..<payload]), file: path)
    let (entries, metadata) = try parser.parse()
    self.metadata = metadata
    tensors = try Self.descriptors(entries, file: path, size: data.count - payload)
    index = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  /// The tensor of a name, if there is one.
  public subscript(name: String) -> TensorDescriptor? { index[name].map { tensors[$0] } }

  /// The elements of a floating-point tensor, widened exactly.
  ///
  /// - Throws: `TensorFileError` when there is no such tensor or its elements are integers.
  /// - Complexity: O(elements).
  public func doubles(_ name: String) throws(TensorFileError) -> [Double] {
    let tensor = try tensor(name)
    switch tensor.elementType {
    case .float64: return elements(of: tensor, UInt64.self) { Double(bitPattern: $0) }
    case .float32: return elements(of: tensor, UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float16: return elements(of: tensor, UInt16.self) { Double(Float16(bitPattern: $0)) }
    case .bfloat16: return elements(of: tensor, UInt16.self) { Double(BFloat16(bitPattern: $0)) }
    default:
      throw .elementType(file: path, tensor: name, expected: "F64, F32, F16 or BF16", found: tensor.dtype)
    }
  }

  /// The elements of a tensor of integers or truth values, which are 0 and 1.
  ///
  /// - Throws: `TensorFileError` when there is no such tensor, its elements are floating-point numbers, or one of them is
  ///   too large for `Int` or no truth value.
  /// - Complexity: O(elements).
  public func integers(_ name: String) throws(TensorFileError) -> [Int] {
    let tensor = try tensor(name)
    switch tensor.elementType {
    case .int64: return elements(of: tensor, Int64.self) { Int($0) }
    case .int32: return elements(of: tensor, Int32.self) { Int($0) }
    case .int16: return elements(of: tensor, Int16.self) { Int($0) }
    case .int8: return elements(of: tensor, Int8.self) { Int($0) }
    case .uint32: return elements(of: tensor, UInt32.self) { Int($0) }
    case .uint16: return elements(of: tensor, UInt16.self) { Int($0) }
    case .uint8: return elements(of: tensor, UInt8.self) { Int($0) }
    case .uint64:
      let values = elements(of: tensor, UInt64.self) { $0 }
      if let large = values.first(where: { $0 > UInt64(Int.max) }) {
        throw .outOfRange(file: path, tensor: name, expected: "up to \(Int.max)", found: "\(large)")
      }
      return values.map { Int($0) }
    case .bool:
      let values = elements(of: tensor, UInt8.self) { Int($0) }
      if let other = values.first(where: { $0 > 1 }) {
        throw .outOfRange(file: path, tensor: name, expected: "0 or 1", found: "\(other)")
      }
      return values
    default:
      throw .elementType(file: path, tensor: name, expected: "of integers", found: tensor.dtype)
    }
  }

  // MARK: Reading

  private func tensor(_ name: String) throws(TensorFileError) -> TensorDescriptor {
    guard let tensor = self[name] else { throw .missing(file: path, tensor: name) }
    return tensor
  }

  /// Elements may lie at any address, so each is loaded unaligned.
  @inline(__always)
  private func elements<Stored: FixedWidthInteger & BitwiseCopyable, Element>(
    of tensor: TensorDescriptor, _ type: Stored.Type, _ convert: (Stored) -> Element
  ) -> [Element] {
    data.withUnsafeBytes { file in
      let bytes = UnsafeRawBufferPointer(rebasing: file[payload...][(payload + tensor.bytes.lowerBound)...])
      let size = MemoryLayout<Stored>.size
      let elements = tensor.bytes.count / size
      return [Element](unsafeUninitializedCapacity: elements) { buffer, count in
        for i in 0..<elements {
          let stored = Stored(littleEndian: bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self))
          (buffer.baseAddress! + i).initialize(to: convert(stored))
        }
        count = elements
      }
    }
  }

  // MARK: Checking

  private static func descriptors(
    _ entries: [HeaderParser.Entry], file: String, size: Int
  ) throws(TensorFileError) -> [TensorDescriptor] {
    var tensors: [TensorDescriptor] = []
    for entry in entries { tensors.append(try descriptor(entry, file: file)) }
    // Empty tensors come before the one that starts where they stand.
    tensors.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end = 0
    for tensor in tensors {
      guard tensor.bytes.lowerBound == end else {
        throw .entry(
          file: file, tensor: tensor.name, expected: "bytes that start at \(end), where those before it end",
          found: "\(tensor.bytes.lowerBound)")
      }
      end = tensor.bytes.upperBound
      guard end <= size else {
        throw .entry(
          file: file, tensor: tensor.name, expected: "bytes within the \(size) of the file", found: "an end at \(end)")
      }
    }
    guard end == size else { throw .trailingBytes(file: file, expected: end, found: size) }
    return tensors
  }

  private static func descriptor(
    _ entry: HeaderParser.Entry, file: String
  ) throws(TensorFileError) -> TensorDescriptor {
    func invalid(_ expected: String, _ found: String) -> TensorFileError {
      .entry(file: file, tensor: entry.name, expected: expected, found: found)
    }
    // Of a type that is not known here, a tensor that nobody asks for does no harm, whatever its size is.
    let elementType = ElementType(rawValue: entry.elementType)
    var size = 1
    for factor in entry.shape + [elementType?.size ?? 1] {
      let (product, overflow) = size.multipliedReportingOverflow(by: factor)
      guard !overflow else { throw invalid("a size that can be counted", "shape \(entry.shape)") }
      size = product
    }
    guard entry.offsets.count == 2, entry.offsets[0] <= entry.offsets[1] else {
      throw invalid("data_offsets [begin, end] with begin ≤ end", "\(entry.offsets)")
    }
    guard elementType == nil || entry.offsets[1] - entry.offsets[0] == size else {
      throw invalid(
        "\(size) bytes for \(entry.elementType) \(entry.shape)", "\(entry.offsets[1] - entry.offsets[0])")
    }
    return TensorDescriptor(
      name: entry.name, dtype: entry.elementType, elementType: elementType, shape: entry.shape, bytes: entry.offsets[0]..<entry.offsets[1])
  }

  private static func reason(_ error: any Error, _ path: String) -> String {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      return "there is no such file"
    }
    return isDirectory.boolValue ? "it is a directory" : error.localizedDescription
  }
}
