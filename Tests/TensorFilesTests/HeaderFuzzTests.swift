import Foundation
import Problems
import TensorFiles
import Testing

/// Valid files with a few bytes changed at random: opening gives an error or a file of which every tensor can be read.
@Suite struct HeaderFuzzTests {
  /// One valid file with something of everything.
  private static func original() throws -> [UInt8] {
    var writer = TensorFileWriter(metadata: ["scale": "0.125", "näme\n": "\u{1}\\ \"🙂\""])
    try writer.add("q", shape: [1, 2, 1, 2], [1, 2, 3, 4.5], as: .float64)
    try writer.add("k", shape: [3], [1, 2, 3.5], as: .float32)
    try writer.add("h", shape: [2], [1, 0.5], as: .float16)
    try writer.add("b\t", shape: [2, 1], [1, 0.5], as: .bfloat16)
    try writer.add("none", shape: [0, 7], [] as [Double], as: .float32)
    try writer.add("cu", shape: [2], [0, 2], as: .int64)
    try writer.add("u", shape: [1], [3], as: .uint64)
    try writer.add("mask", shape: [3], [1, 0, 1], as: .bool)
    return try withTemporaryFolder { folder in
      try writer.write(to: folder + "/file")
      return Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/file")))
    }
  }

  /// One to three changes, with bytes that mean something to a parser more often than others.
  private static func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
    let telling = Array("{}[]\",:\\ 0123456789-.eutnFIU_".utf8)
    let letters = Array("abcxyzé".utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let length = Int.random(in: 1...60, using: &random)
      let piece = place..<min(bytes.count, place + length)
      let byte =
        Bool.random(using: &random) ? telling.randomElement(using: &random)! : .random(in: 0...255, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: bytes.insert(byte, at: place)
      case 1: bytes.remove(at: place)
      case 2: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 3: bytes[Int.random(in: 0..<min(8, bytes.count), using: &random)] = byte
      case 4: bytes.removeSubrange(piece)
      case 5: bytes.insert(contentsOf: bytes[piece], at: Int.random(in: 0...bytes.count, using: &random))
      case 6:
        // A letter for a letter: names change, and sometimes only they.
        if UnicodeScalar(bytes[place]).properties.isAlphabetic {
          bytes[place] = letters.randomElement(using: &random)!
        }
      default: bytes[place] = byte
      }
    }
    // Half of the time the length is right again, so that the change is seen by the parser and not only by the first check.
    if bytes.count > 8, Bool.random(using: &random), let end = bytes.lastIndex(of: UInt8(ascii: "}")), end >= 8 {
      bytes.replaceSubrange(0..<8, with: HandmadeFile.littleEndian(UInt64(end + 1 - 8)))
    }
  }

  /// What a file that opened promises, or what of it is not kept.
  private static func brokenPromise(_ file: TensorFile) -> String? {
    for tensor in file.tensors {
      let expected = tensor.shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
      guard file[tensor.name] == tensor, tensor.count == expected else { return "descriptor of \(tensor)" }
      do throws(TensorFileError) {
        let count =
          tensor.elementType?.format == nil
          ? try file.integers(tensor.name).count : try file.doubles(tensor.name).count
        guard count == expected else { return "\(count) elements of \(tensor)" }
      } catch {
        if case .elementType = error, tensor.elementType == nil { continue }
        guard case .outOfRange = error, [.uint64, .bool].contains(tensor.elementType) else { return "\(error)" }
      }
    }
    return nil
  }

  @Test("20,000 files")
  func fuzz() throws {
    let original = try Self.original()
    var (opened, refused) = (0, Set<String>())
    for seed in UInt64(0)..<20_000 {
      var random = SeededGenerator(seed: seed, part: "header fuzz")
      var bytes = original
      Self.mutate(&bytes, using: &random)
      do throws(TensorFileError) {
        let file = try TensorFile(Data(bytes), path: "seed \(seed)")
        opened += 1
        if let broken = Self.brokenPromise(file) { Issue.record("seed \(seed): \(broken)") }
      } catch {
        refused.insert("\(Mirror(reflecting: error).children.first?.label ?? "")")
        if error.description.contains(where: \.isNewline) { Issue.record("\(error)") }
      }
    }
    // The changes reach everything: files that still open, and every way in which one cannot.
    #expect(opened > 400, "\(opened) opened")
    #expect(refused.isSuperset(of: ["headerLength", "header", "entry", "trailingBytes"]), "\(refused)")
  }
}
