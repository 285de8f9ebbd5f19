import Foundation
import TensorFiles
import Testing

/// What may not be written, and what may not be replaced.
@Suite struct WriterTests {
  private let new = "(new file)"

  @Test("A tensor that makes no sense is refused with the reason, and leaves nothing behind")
  func refusals() throws {
    var writer = TensorFileWriter()
    try writer.add("é", shape: [1], [1.0], as: .float32)
    // The last is the same name to Unicode, in two code points.
    for name in ["__metadata__", "é", "e\u{301}"] {
      #expect(
        throws: TensorFileError.entry(
          file: new, tensor: name, expected: "a name of its own", found: "one that is taken")
      ) {
        try writer.add(name, shape: [1], [1.0], as: .float32)
      }
    }
    for shape in [[2], [], [-1, -1], [Int.max, 2], [1 << 32, 1 << 32], [3, 0]] {
      let count = shape.isEmpty ? 2 : 1
      #expect(
        throws: TensorFileError.entry(
          file: new, tensor: "x", expected: "as many elements as shape \(shape)", found: "\(count)"), "\(shape)"
      ) {
        try writer.add("x", shape: shape, [Double](repeating: 1, count: count), as: .float64)
      }
    }
    for elementType in ElementType.allCases where elementType.format == nil {
      #expect(
        throws: TensorFileError.elementType(
          file: new, tensor: "x", expected: "F64, F32, F16 or BF16 for floating-point elements",
          found: elementType.rawValue)
      ) {
        try writer.add("x", shape: [1], [1.0], as: elementType)
      }
    }
    for elementType in ElementType.allCases where elementType.format != nil {
      #expect(
        throws: TensorFileError.elementType(
          file: new, tensor: "x", expected: "of integers for integer elements", found: elementType.rawValue)
      ) {
        try writer.add("x", shape: [1], [1] as [Int], as: elementType)
      }
    }
    let tooLarge: [(ElementType, [Int])] = [
      (.int8, [0, 128]), (.int8, [-129, 0]), (.uint8, [-1, 0]), (.uint16, [0, 1 << 16]), (.uint64, [-1, 0]),
      (.int32, [0, 1 << 31]), (.bool, [0, 2]), (.bool, [-1, 0]),
    ]
    for (elementType, values) in tooLarge {
      #expect(
        throws: TensorFileError.outOfRange(
          file: new, tensor: "x", expected: "that fit \(elementType.rawValue)", found: "\(values[0]) to \(values[1])")
      ) {
        try writer.add("x", shape: [2], values, as: elementType)
      }
    }
    try withTemporaryFolder { folder in
      try writer.write(to: folder + "/file")
      #expect(try TensorFile(path: folder + "/file").tensors.map(\.name) == ["é"])
    }
  }

  @Test("A file that is there stays as it is, unless replacing it is asked for")
  func overwriting() throws {
    var writer = TensorFileWriter()
    try writer.add("x", shape: [1], [1.0], as: .float32)
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      let precious = Data("precious".utf8)
      try precious.write(to: URL(fileURLWithPath: path))
      #expect(throws: TensorFileError.exists(file: path)) { try writer.write(to: path) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == precious)
      // A link counts as what it points to.
      let link = folder + "/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
      #expect(throws: TensorFileError.exists(file: link)) { try writer.write(to: link) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == precious)

      try writer.write(to: path, overwriting: true)
      #expect(try TensorFile(path: path).doubles("x") == [1])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["file", "link"], "nothing temporary is left")
    }
  }

  @Test("Where no file can be written, the reason is given")
  func unwritable() throws {
    try withTemporaryFolder { folder in
      for (path, overwriting) in [
        (folder + "/none/file", false), (folder + "/none/file", true), (folder, true), (folder, false),
      ] {
        let error = #expect(throws: TensorFileError.self) {
          try TensorFileWriter().write(to: path, overwriting: overwriting)
        }
        guard case .unwritable(let file, let reason) = error else {
          Issue.record("\(path): \(String(describing: error))")
          continue
        }
        #expect(file == path && !reason.isEmpty && !"\(error!)".contains("\n"))
      }
    }
  }

  @Test("A header longer than the format allows is not written")
  func longHeader() throws {
    let writer = TensorFileWriter(metadata: ["x": String(repeating: "x", count: TensorFile.longestHeader)])
    try withTemporaryFolder { folder in
      let error = #expect(throws: TensorFileError.self) { try writer.write(to: folder + "/file") }
      guard case .headerLength(let file, _, let found) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(file == folder + "/file" && found > UInt64(TensorFile.longestHeader))
      #expect(!FileManager.default.fileExists(atPath: folder + "/file"))
    }
  }
}
