import Foundation
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// A safetensors file in parts that can be changed one by one, into files that are wrong in every way.
struct FuzzFile {
  struct Tensor {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: [UInt8]
    /// What the header says in place of the offsets, if that is not so.
    var offsets: String?
  }

  var tensors: [Tensor]
  var metadata: [(key: String, value: String)]

  /// The file that a writer would write.
  init(_ writer: TensorFileWriter) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try writer.write(to: path)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let file = try TensorFile(path: path)
    let length = Int(data[..<8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
    var start = 8 + length
    tensors = []
    // In the order of their bytes, without holes.
    for tensor in file.tensors {
      let end = start + tensor.count * tensor.elementType!.size
      tensors.append(
        Tensor(
          name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: Array(data[start..<end])))
      start = end
    }
    metadata = file.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The bytes of the file, with tensors in the order that they are listed in.
  var bytes: [UInt8] {
    func quoted(_ text: String) -> String {
      let escaped = text.unicodeScalars.map { scalar in
        scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
          ? "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
            + String(scalar.value, radix: 16)
          : String(scalar)
      }
      return "\"\(escaped.joined())\""
    }
    var payload: [UInt8] = []
    var entries: [String] = []
    if !metadata.isEmpty {
      entries.append(
        "\"__metadata__\":{\(metadata.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ","))}")
    }
    for tensor in tensors {
      let offsets = tensor.offsets ?? "[\(payload.count),\(payload.count + tensor.bytes.count)]"
      payload += tensor.bytes
      let shape = "[\(tensor.shape.map(String.init).joined(separator: ","))]"
      entries.append(
        "\(quoted(tensor.name)):{\"dtype\":\(quoted(tensor.dtype)),\"shape\":\(shape),\"data_offsets\":\(offsets)}")
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + payload
  }

  /// Sets one element of a tensor.
  mutating func set(_ tensor: Int, element: Int, to value: Double) {
    func put(_ pattern: some FixedWidthInteger) {
      let size = pattern.bitWidth / 8
      let bytes = withUnsafeBytes(of: pattern.littleEndian) { Array($0) }
      tensors[tensor].bytes.replaceSubrange(element * size..<(element + 1) * size, with: bytes)
    }
    switch tensors[tensor].dtype {
    case "F64": put(value.bitPattern)
    case "F32": put(Float(value).bitPattern)
    case "BF16": put(UInt16(truncatingIfNeeded: Float(value).bitPattern >> 16))
    case "F16": put(Float16(value).bitPattern)
    default: break
    }
  }

  func count(_ tensor: Int) -> Int {
    let size = ElementType(rawValue: tensors[tensor].dtype)?.size ?? 1
    return tensors[tensor].bytes.count / size
  }
}

/// What is done to a file, and what must come of it.
enum FuzzExpectation: String {
  /// Any verdict, or a refusal.
  case anything
  /// The verdict of the file as it was, which passes.
  case passes
  /// Whatever is said, it is not that all is well.
  case doesNotPass
}

extension FuzzFile {
  /// One change, drawn at random.
  ///
  /// - Parameter isOutput: Whether a tensor is one that is judged.
  mutating func mutate(using random: inout SeededGenerator, isOutput: (String) -> Bool) -> FuzzExpectation {
    let index = Int.random(in: 0..<tensors.count, using: &random)
    switch Int.random(in: 0..<14, using: &random) {
    case 0, 1:
      tensors.shuffle(using: &random)
      return .passes
    case 2, 3:
      let outputs = tensors.indices.filter { isOutput(tensors[$0].name) && count($0) > 0 }
      guard let output = outputs.randomElement(using: &random) else { return .anything }
      set(
        output, element: Int.random(in: 0..<count(output), using: &random),
        to: [99, -99, 1e4, .nan, .infinity, -.infinity].randomElement(using: &random)!)
      return .doesNotPass
    case 4:
      tensors.remove(at: index)
    case 5:
      tensors[index].name = Self.names.randomElement(using: &random)!
    case 6:
      var name = Array(tensors[index].name)
      let place = Int.random(in: 0..<max(1, name.count), using: &random)
      if Bool.random(using: &random), !name.isEmpty { name.remove(at: place) } else { name.insert("e", at: place) }
      tensors[index].name = String(name)
    case 7:
      guard !tensors[index].shape.isEmpty else { return .anything }
      let axis = Int.random(in: 0..<tensors[index].shape.count, using: &random)
      tensors[index].shape[axis] = Self.sizes.randomElement(using: &random)!
    case 8:
      // Every tensor at once, so that the shapes fit each other.
      let (from, to) = (
        tensors[index].shape.randomElement(using: &random) ?? 1, Self.sizes.prefix(4).randomElement(using: &random)!
      )
      for tensor in tensors.indices {
        tensors[tensor].shape = tensors[tensor].shape.map { $0 == from ? to : $0 }
        let size = ElementType(rawValue: tensors[tensor].dtype)?.size ?? 1
        // An earlier change may have made it too large to be written; then it stays a claim.
        let bytes = tensors[tensor].shape.reduce(Double(size)) { $0 * Double($1) }
        guard bytes < 1e6 else { continue }
        tensors[tensor].bytes = (0..<Int(bytes)).map {
          tensors[tensor].bytes.isEmpty ? 0 : tensors[tensor].bytes[$0 % tensors[tensor].bytes.count]
        }
      }
    case 9:
      tensors[index].dtype = (ElementType.allCases.map(\.rawValue) + ["F8", ""]).randomElement(using: &random)!
    case 10:
      tensors[index].offsets = Self.offsets.randomElement(using: &random)!
    case 11:
      let key = ["scale", "gate", "case", "block_size", "norm_eps", "num_heads"].randomElement(using: &random)!
      metadata.removeAll { $0.key == key }
      metadata.append((key, Self.texts.randomElement(using: &random)!))
    case 12:
      tensors.append(
        Tensor(name: Self.names.randomElement(using: &random)!, dtype: "F32", shape: [1], bytes: [0, 0, 0, 0]))
    default:
      guard count(index) > 0 else { return .anything }
      set(
        index, element: Int.random(in: 0..<count(index), using: &random),
        to: Self.numbers.randomElement(using: &random)!)
    }
    return .anything
  }

  private static let sizes = [0, 1, 2, 5, 3, 7, 64, 1 << 20, 1 << 31, 1 << 40, .max]
  private static let numbers: [Double] = [0, -0.0, 1e-45, 1e-30, 1e30, 3e38, -3e38, 1e300, .nan, .infinity, -1, 1.5]
  private static let offsets = [
    "[0,0]", "[0]", "[]", "[4,0]", "[-1,4]", "[0,9223372036854775807]", "[0,99999999999999999999]", "[0,1e3]", "{}",
  ]
  private static let names = [
    "", "q", "o", "O", "otuput", "dbetta", "lse", "cu_seqlens", "cu_seqlen", "g", "do", "logits", "m_inverse",
    "__metadata__", "out_decode_04", "out_decode_4", "out_decode_99999999999999999999", "out_prefill", "param.x", "x",
    "verdict\nverdict    PASS", "\u{1B}[2J\u{1B}[8m", "\u{202E}o", String(repeating: "long ", count: 40_000),
  ]
  private static let texts = [
    "", "0", "-1", "1e308", "1e-308", "inf", "nan", "0x10", "scaled", "unscaled", "3", "4096", "99999999999999999999",
    "true", "x\nverdict    PASS\n", "<script>alert(1)</script>", "\u{7}\u{1B}]0;x\u{7}",
    String(repeating: "ä", count: 100_000),
  ]
}

/// Bytes of any file, changed without regard to what they mean.
func mutateBytes(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    guard !bytes.isEmpty else { return }
    // The start is where most of the meaning is.
    let end = Bool.random(using: &random) ? min(64, bytes.count) : bytes.count
    let place = Int.random(in: 0..<end, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes.removeLast(min(bytes.count, Int.random(in: 1...40, using: &random)))
    case 3: bytes.remove(at: place)
    case 4: bytes.insert(contentsOf: "{}[]\",:0-9e\\u\u{0}".utf8.shuffled(using: &random).prefix(2), at: place)
    default: bytes.append(UInt8.random(in: 0...255, using: &random))
    }
  }
}
