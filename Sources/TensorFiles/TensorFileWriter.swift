import Foundation
import NumberFormats

/// Collects tensors and writes them as a safetensors file.
///
/// ```swift
/// var file = TensorFileWriter(metadata: ["scale": "0.125"])
/// try file.add("beta", shape: [1, 2, 1], [0.5, 1.5], as: .float32)
/// try file.write(to: "case.safetensors")
/// ```
public struct TensorFileWriter: Sendable {
  /// Strings for the header.
  public var metadata: [String: String]
  private var tensors: [(name: String, elementType: ElementType, shape: [Int], data: Data)] = []

  /// No tensors yet.
  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds a floating-point tensor, each element rounded to nearest, ties to even. What is too large for F16, BF16 or F32
  /// becomes infinite, as rounding asks for.
  ///
  /// - Throws: `TensorFileError` when the type is not one of floating-point numbers, the shape and the number of elements
  ///   differ, or the name is taken.
  public mutating func add(
    _ name: String, shape: [Int], _ elements: [Double], as elementType: ElementType
  ) throws(TensorFileError) {
    let data: Data =
      switch elementType {
      case .float64: Self.bytes(elements) { $0.bitPattern }
      case .float32: Self.bytes(elements) { Float($0).bitPattern }
      case .float16: Self.bytes(elements) { Float16($0).bitPattern }
      case .bfloat16: Self.bytes(elements) { BFloat16($0).bitPattern }
      default:
        throw .elementType(
          file: "(new file)", tensor: name, expected: "F64, F32, F16 or BF16 for floating-point elements",
          found: elementType.rawValue)
      }
    try add(name, shape, count: elements.count, data, elementType)
  }

  /// Adds a tensor of integers or of truth values, which are 0 and 1.
  ///
  /// - Throws: `TensorFileError` when the type is one of floating-point numbers, an element does not fit it, the shape and
  ///   the number of elements differ, or the name is taken.
  public mutating func add(
    _ name: String, shape: [Int], _ elements: [Int], as elementType: ElementType
  ) throws(TensorFileError) {
    let data: Data? =
      switch elementType {
      case .int64: Self.exactBytes(elements, as: Int64.self)
      case .int32: Self.exactBytes(elements, as: Int32.self)
      case .int16: Self.exactBytes(elements, as: Int16.self)
      case .int8: Self.exactBytes(elements, as: Int8.self)
      case .uint64: Self.exactBytes(elements, as: UInt64.self)
      case .uint32: Self.exactBytes(elements, as: UInt32.self)
      case .uint16: Self.exactBytes(elements, as: UInt16.self)
      case .uint8: Self.exactBytes(elements, as: UInt8.self)
      case .bool: elements.allSatisfy { $0 == 0 || $0 == 1 } ? Self.exactBytes(elements, as: UInt8.self) : nil
      default:
        throw .elementType(
          file: "(new file)", tensor: name, expected: "of integers for integer elements", found: elementType.rawValue)
      }
    guard let data else {
      throw .outOfRange(
        file: "(new file)", tensor: name, expected: "that fit \(elementType.rawValue)",
        found: "\(elements.min() ?? 0) to \(elements.max() ?? 0)")
    }
    try add(name, shape, count: elements.count, data, elementType)
  }

  /// Writes the file, beside its place first: under its name there never is half a file. Symbolic links are followed,
  /// devices and pipes are written to.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - overwriting: Whether a file that is there may be replaced.
  /// - Throws: `TensorFileError` when it may not, the names and the metadata make a header longer than the format allows, or
  ///   the file cannot be written.
  public func write(to path: String, overwriting: Bool = false) throws(TensorFileError) {
    let file = try OutputFile(path, overwriting: overwriting)
    try file.write(try data(for: path))
  }

  // MARK: Format

  private mutating func add(
    _ name: String, _ shape: [Int], count: Int, _ data: Data, _ elementType: ElementType
  ) throws(TensorFileError) {
    guard name != "__metadata__", !tensors.contains(where: { $0.name == name }) else {
      throw .entry(file: "(new file)", tensor: name, expected: "a name of its own", found: "one that is taken")
    }
    guard shape.allSatisfy({ $0 >= 0 }), Self.product(shape) == count else {
      throw .entry(
        file: "(new file)", tensor: name, expected: "as many elements as shape \(shape)", found: "\(count)")
    }
    tensors.append((name, elementType, shape, data))
  }

  /// Nil when it overflows.
  private static func product(_ shape: [Int]) -> Int? {
    shape.reduce(1 as Int?) { product, dimension in
      guard let (value, overflow) = product?.multipliedReportingOverflow(by: dimension), !overflow else { return nil }
      return value
    }
  }

  private func data(for path: String) throws(TensorFileError) -> Data {
    struct Entry: Encodable {
      let dtype: String
      let shape: [Int]
      let data_offsets: [Int]
    }
    enum Value: Encodable {
      case entry(Entry)
      case metadata([String: String])
      func encode(to encoder: any Encoder) throws {
        switch self {
        case .entry(let entry): try entry.encode(to: encoder)
        case .metadata(let strings): try strings.encode(to: encoder)
        }
      }
    }
    // Wider elements first keeps every tensor aligned to its own size.
    let ordered = tensors.enumerated().sorted {
      (-$0.element.elementType.size, $0.offset) < (-$1.element.elementType.size, $1.offset)
    }.map(\.element)
    var header: [String: Value] = [:]
    if !metadata.isEmpty { header["__metadata__"] = .metadata(metadata) }
    var payload = Data()
    for tensor in ordered {
      let offsets = [payload.count, payload.count + tensor.data.count]
      header[tensor.name] = .entry(
        Entry(dtype: tensor.elementType.rawValue, shape: tensor.shape, data_offsets: offsets))
      payload += tensor.data
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings and integers, which can always be encoded.
    var json = try! encoder.encode(header)
    // Spaces after the header align the elements to 8 bytes.
    json += Data(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    guard json.count <= TensorFile.longestHeader else {
      throw TensorFileError.headerLength(
        file: path, expected: "at most \(TensorFile.longestHeader)", found: UInt64(json.count))
    }
    return Data(withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }) + json + payload
  }

  private static func bytes<Stored: FixedWidthInteger>(_ elements: [Double], _ stored: (Double) -> Stored) -> Data {
    elements.map { stored($0).littleEndian }.withUnsafeBytes { Data($0) }
  }

  /// Nil when an element does not fit.
  private static func exactBytes<Stored: FixedWidthInteger>(_ elements: [Int], as type: Stored.Type) -> Data? {
    let stored = elements.compactMap { Stored(exactly: $0)?.littleEndian }
    guard stored.count == elements.count else { return nil }
    return stored.withUnsafeBytes { Data($0) }
  }
}
