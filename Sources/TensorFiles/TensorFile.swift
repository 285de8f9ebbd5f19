import Foundation
import NumberFormats

/// An open safetensors file, its header read and checked against its size.
///
/// Once open, every tensor it lists can be read: types are known, shapes and byte ranges agree, ranges neither overlap nor
/// leave holes nor reach beyond the end. Elements are read when they are asked for; a file that somebody changes meanwhile
/// gives an error.
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
  private let source: Source
  private let payload: Int

  /// Where the bytes are.
  private enum Source: Sendable {
    case file(InputFile)
    case memory(Data)

    var size: Int {
      switch self {
      case .file(let file): file.size
      case .memory(let data): data.count
      }
    }

    func read(_ range: Range<Int>) throws(TensorFileError) -> [UInt8] {
      switch self {
      case .file(let file): try file.read(range)
      case .memory(let data): [UInt8](data[range])
      }
    }
  }

  /// The longest header that the format allows, in bytes.
  public static let longestHeader = 100_000_000

  /// Opens a file.
  ///
  /// - Throws: `TensorFileError` when it cannot be read or is not a safetensors file in every respect.
  /// - Complexity: O(header); elements are not touched.
  public init(path: String) throws(TensorFileError) {
    try self.init(.file(try InputFile(path: path)), path: path)
  }

  /// A file of which the bytes are at hand, counted from 0.
  package init(_ data: Data, path: String) throws(TensorFileError) { try self.init(.memory(data), path: path) }

  private init(_ source: Source, path: String) throws(TensorFileError) {
    self.path = path
    self.source = source
    let size = source.size
    guard size >= 8 else {
      throw .unreadable(file: path, reason: "a safetensors file has at least 8 bytes, found \(size)")
    }
    let length = try source.read(0..<8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    let limit = min(Self.longestHeader, size - 8)
    guard length >= 2, length <= UInt64(limit) else {
      throw .headerLength(file: path, expected: "2 to \(limit)", found: length)
    }
    payload = 8 + Int(length)
    var parser = HeaderParser(try source.read(8..<payload), file: path)
    let (entries, metadata) = try parser.parse()
    self.metadata = metadata
    tensors = try Self.descriptors(entries, file: path, size: size - payload)
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
    case .float64: return try elements(of: tensor, UInt64.self) { Double(bitPattern: $0) }
    case .float32: return try elements(of: tensor, UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float16: return try elements(of: tensor, UInt16.self) { Double(Float16(bitPattern: $0)) }
    case .bfloat16: return try elements(of: tensor, UInt16.self) { Double(BFloat16(bitPattern: $0)) }
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
    case .int64: return try elements(of: tensor, Int64.self) { Int($0) }
    case .int32: return try elements(of: tensor, Int32.self) { Int($0) }
    case .int16: return try elements(of: tensor, Int16.self) { Int($0) }
    case .int8: return try elements(of: tensor, Int8.self) { Int($0) }
    case .uint32: return try elements(of: tensor, UInt32.self) { Int($0) }
    case .uint16: return try elements(of: tensor, UInt16.self) { Int($0) }
    case .uint8: return try elements(of: tensor, UInt8.self) { Int($0) }
    case .uint64:
      let values = try elements(of: tensor, UInt64.self) { $0 }
      if let large = values.first(where: { $0 > UInt64(Int.max) }) {
        throw .outOfRange(file: path, tensor: name, expected: "up to \(Int.max)", found: "\(large)")
      }
      return values.map { Int($0) }
    case .bool:
      let values = try elements(of: tensor, UInt8.self) { Int($0) }
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

  /// How many bytes are read at once: a file takes no more memory than its elements do when they are widened.
  private static let pieceSize = 1 << 20

  @inline(__always)
  private func elements<Stored: FixedWidthInteger & BitwiseCopyable, Element>(
    of tensor: TensorDescriptor, _ type: Stored.Type, _ convert: (Stored) -> Element
  ) throws(TensorFileError) -> [Element] {
    var elements: [Element] = []
    let bytes = payload + tensor.bytes.lowerBound..<payload + tensor.bytes.upperBound
    elements.reserveCapacity(bytes.count / MemoryLayout<Stored>.size)
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: Self.pieceSize) {
      let piece = try source.read(start..<min(start + Self.pieceSize, bytes.upperBound))
      piece.withUnsafeBytes { piece in
        for offset in stride(from: 0, to: piece.count, by: MemoryLayout<Stored>.size) {
          elements.append(convert(Stored(littleEndian: piece.loadUnaligned(fromByteOffset: offset, as: Stored.self))))
        }
      }
    }
    return elements
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
      name: entry.name, dtype: entry.elementType, elementType: elementType, shape: entry.shape,
      bytes: entry.offsets[0]..<entry.offsets[1])
  }
}
