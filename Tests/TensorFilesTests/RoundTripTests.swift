import Foundation
import NumberFormats
import Problems
import TensorFiles
import Testing

/// What is written is read again: exactly what the format holds, and otherwise the nearest it holds.
@Suite struct RoundTripTests {
  /// Writes, reads back and hands over.
  private func reading(_ writer: TensorFileWriter, _ body: (TensorFile) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file.safetensors"
      try writer.write(to: path)
      try body(TensorFile(path: path))
    }
  }

  @Test("Floating-point numbers come back as the nearest number of their type", arguments: NumberFormat.allCases)
  func floatingPoint(_ format: NumberFormat) throws {
    // TF32 is a format of arithmetic, not of files.
    guard let elementType = ElementType.allCases.first(where: { $0.format == format }) else {
      #expect(format == .tensorFloat32)
      return
    }
    var random = SeededGenerator(seed: 1, part: format.rawValue)
    var numbers: [Double] = [0, -0.0, 1, 0.1, -0.3, 65504, 65520, 1e-8, 3.4e38, 1e39, 1 + 0x1p-8 + 0x1p-40]
    numbers += [.greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity]
    numbers += [0x1p-24, 0x1.8p-24, 0x1p-133, 0x1.8p-133, 0x1p-149]
    for exponent in -160...130 {
      for _ in 0..<4 { numbers.append(random.normal() * Double(sign: .plus, exponent: exponent, significand: 1)) }
    }
    var writer = TensorFileWriter()
    try writer.add("x", shape: [numbers.count], numbers, as: elementType)
    try writer.add("nan", shape: [2], [.nan, -.nan], as: elementType)
    try reading(writer) { file throws in
      #expect(file["x"]?.elementType == elementType && file["x"]?.count == numbers.count)
      #expect(try file.doubles("x").map(\.bitPattern) == numbers.map { format.round($0).bitPattern })
      #expect(try file.doubles("nan").allSatisfy { $0.isNaN })
    }
  }

  @Test("Every pattern of a 16-bit type widens exactly")
  func everyPattern() throws {
    let patterns = Array(0...UInt16.max)
    let payload = patterns.flatMap { HandmadeFile.littleEndian($0) }
    let end = payload.count
    let header = """
      {"F16":{"dtype":"F16","shape":[65536],"data_offsets":[0,\(end)]},\
      "BF16":{"dtype":"BF16","shape":[65536],"data_offsets":[\(end),\(2 * end)]}}
      """
    try HandmadeFile(header, payload: payload + payload).withPath { path in
      let file = try TensorFile(path: path)
      let wrongHalves = zip(patterns, try file.doubles("F16")).filter { pattern, x in
        !Float16(bitPattern: pattern).isNaN && Float16(exactly: x)?.bitPattern != pattern
      }
      #expect(wrongHalves.isEmpty)
      // The value of a bfloat16 is that of the Float with these upper and no lower bits.
      let wrongBrains = zip(patterns, try file.doubles("BF16")).filter { pattern, x in
        let pattern = UInt32(pattern) << 16
        return !Float(bitPattern: pattern).isNaN && Float(exactly: x)?.bitPattern != pattern
      }
      #expect(wrongBrains.isEmpty)
      for name in ["F16", "BF16"] {
        // Beside the infinity of each sign: 2 · (2¹⁰ − 1) and 2 · (2⁷ − 1) patterns.
        #expect(try file.doubles(name).count(where: \.isNaN) == (name == "F16" ? 2046 : 254))
      }
    }
  }

  @Test("Integers and truth values come back; the least and the largest too")
  func integers() throws {
    let ranges: [ElementType: [Int]] = [
      .int64: [Int.min, -1, 0, Int.max], .int32: [Int(Int32.min), -1, 0, Int(Int32.max)],
      .int16: [Int(Int16.min), -1, 0, Int(Int16.max)], .int8: [-128, -1, 0, 127], .uint64: [0, 1, Int.max],
      .uint32: [0, Int(UInt32.max)], .uint16: [0, Int(UInt16.max)], .uint8: [0, 255], .bool: [0, 1, 1],
    ]
    #expect(Set(ranges.keys) == Set(ElementType.allCases.filter { $0.format == nil }))
    var writer = TensorFileWriter()
    for (elementType, values) in ranges {
      try writer.add(elementType.rawValue, shape: [values.count], values, as: elementType)
    }
    try reading(writer) { file throws in
      for (elementType, values) in ranges {
        #expect(file[elementType.rawValue]?.elementType == elementType)
        #expect(try file.integers(elementType.rawValue) == values, "\(elementType)")
      }
    }
  }

  @Test("Shapes, names and metadata come back, whatever they are")
  func descriptions() throws {
    let names = ["", " ", "a/b\\c", "\"quoted\"", "größe", "漢字 🙂", "line\nbreak\u{0}\u{1F}\u{7F}", "\u{2028}", "dtype"]
    let shapes = [[], [1], [0], [2, 0, 3], [3, 1, 2], [1, 1, 1, 1, 1, 6], [6], [0, Int.max], [2]]
    var writer = TensorFileWriter(metadata: Dictionary(uniqueKeysWithValues: names.map { ($0, $0 + "!") }))
    for (name, shape) in zip(names, shapes) {
      let count = shape.contains(0) ? 0 : shape.reduce(1, *)
      try writer.add(name, shape: shape, (0..<count).map(Double.init), as: .float32)
    }
    try reading(writer) { file throws in
      #expect(file.metadata == writer.metadata)
      #expect(Set(file.tensors.map(\.name)) == Set(names))
      for (name, shape) in zip(names, shapes) {
        #expect(file[name]?.shape == shape, "\(name)")
        #expect(try file.doubles(name).count == (shape.contains(0) ? 0 : shape.reduce(1, *)), "\(name)")
      }
    }
    try reading(TensorFileWriter()) { file throws in #expect(file.tensors.isEmpty && file.metadata.isEmpty) }
  }

  @Test("Elements at any address are read: headers of every length modulo 8, an odd byte before the numbers")
  func misaligned() throws {
    let numbers: [Double] = [0.1, -3, .infinity, 0x1p-1074]
    for spaces in 0..<8 {
      let header = """
        {"odd":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
        "x":{"dtype":"F64","shape":[4],"data_offsets":[1,33]}}
        """
      let payload: [UInt8] = [7] + numbers.flatMap { HandmadeFile.littleEndian($0.bitPattern) }
      try HandmadeFile(header + String(repeating: " ", count: spaces), payload: payload).withPath { path in
        let file = try TensorFile(path: path)
        #expect(try file.doubles("x") == numbers)
        #expect(try file.integers("odd") == [7])
      }
    }
  }

  @Test("What is written is aligned, each tensor to the size of its elements, in whatever order they were added")
  func aligned() throws {
    var writer = TensorFileWriter()
    try writer.add("byte", shape: [3], [1, 2, 3], as: .uint8)
    try writer.add("half", shape: [1], [0.5], as: .bfloat16)
    try writer.add("double", shape: [1], [0.25], as: .float64)
    try writer.add("single", shape: [1], [0.125], as: .float32)
    try withTemporaryFolder { folder in
      try writer.write(to: folder + "/file")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/file"))
      #expect(bytes[0] % 8 == 0 && bytes[1..<8].allSatisfy { $0 == 0 })
      let payload = bytes.dropFirst(8 + Int(bytes[0]))
      #expect(
        Array(payload)
          == HandmadeFile.littleEndian(0.25.bitPattern) + HandmadeFile.littleEndian(Float(0.125).bitPattern)
          + HandmadeFile.littleEndian(UInt16(0x3F00)) + [1, 2, 3])
    }
  }
}
