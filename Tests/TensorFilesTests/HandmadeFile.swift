import Foundation

/// The bytes of a safetensors file made by hand, right or wrong.
struct HandmadeFile {
  var bytes: [UInt8]

  /// - Parameters:
  ///   - header: The text after the length.
  ///   - payload: What follows the header.
  ///   - length: The length that the file claims for its header; by default the true one.
  init(header: some Sequence<UInt8>, payload: [UInt8] = [], length: UInt64? = nil) {
    let header = Array(header)
    bytes = Self.littleEndian(length ?? UInt64(header.count)) + header + payload
  }

  init(_ header: String, payload: [UInt8] = [], length: UInt64? = nil) {
    self.init(header: header.utf8, payload: payload, length: length)
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Calls `body` with the path of the file, which is gone afterwards.
  @discardableResult
  func withPath<Result>(_ body: (String) throws -> Result) throws -> Result {
    try withTemporaryFolder { folder in
      let path = folder + "/handmade.safetensors"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return try body(path)
    }
  }

  static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// Calls `body` with the path of a new folder, which is gone afterwards.
@discardableResult
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "tensor-files-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}
