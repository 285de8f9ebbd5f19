import Foundation
import TensorFiles
import Testing

/// Files that are wrong: each gives the error that says how, and none gives a tensor.
@Suite struct HostileFileTests {
  /// A file, and the error that opening it must give, but for the path.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let error: @Sendable (_ path: String) -> TensorFileError
    var testDescription: String { name }

    init(
      _ name: String, _ file: HandmadeFile, _ error: @escaping @Sendable (_ path: String) -> TensorFileError
    ) {
      self.name = name
      bytes = file.bytes
      self.error = error
    }

    /// A header that is wrong at a byte.
    static func header(
      _ name: String, _ header: String, payload: [UInt8] = [], byte: Int, expected: String, found: String
    ) -> Case {
      Case(name, HandmadeFile(header, payload: payload)) {
        .header(file: $0, byte: byte, expected: expected, found: found)
      }
    }

    /// A header whose entry for "x" is wrong.
    static func entry(
      _ name: String, _ header: String, payload: [UInt8] = [], expected: String, found: String
    ) -> Case {
      Case(name, HandmadeFile(header, payload: payload)) {
        .entry(file: $0, tensor: "x", expected: expected, found: found)
      }
    }
  }

  private static func x(_ dtype: String, _ shape: String, _ offsets: String) -> String {
    #"{"x":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  static let lengths: [Case] = [
    Case("an empty file", HandmadeFile(bytes: [])) {
      .unreadable(file: $0, reason: "a safetensors file has at least 8 bytes, found 0")
    },
    Case("half a length", HandmadeFile(bytes: [2, 0, 0, 0, 0, 0, 0])) {
      .unreadable(file: $0, reason: "a safetensors file has at least 8 bytes, found 7")
    },
    Case("nothing but a length", HandmadeFile(bytes: [2, 0, 0, 0, 0, 0, 0, 0])) {
      .headerLength(file: $0, expected: "2 to 0", found: 2)
    },
    Case("a header of no bytes", HandmadeFile("{}", length: 0)) {
      .headerLength(file: $0, expected: "2 to 2", found: 0)
    },
    Case("a header one byte longer than the file", HandmadeFile("{}", length: 3)) {
      .headerLength(file: $0, expected: "2 to 2", found: 3)
    },
    Case("a header of 2⁶⁴ − 1 bytes", HandmadeFile("{}", length: .max)) {
      .headerLength(file: $0, expected: "2 to 2", found: .max)
    },
    Case("a header of 2⁶³ bytes", HandmadeFile("{}", length: 1 << 63)) {
      .headerLength(file: $0, expected: "2 to 2", found: 1 << 63)
    },
    Case("a truncated header", HandmadeFile(header: x("F32", "[1]", "[0,4]").utf8.dropLast(9))) {
      .header(file: $0, byte: 45, expected: "'\"'", found: "the end")
    },
    Case("truncated elements", HandmadeFile(x("F32", "[2]", "[0,8]"), payload: [0, 0, 0, 0, 0])) {
      .entry(file: $0, tensor: "x", expected: "bytes within the 5 of the file", found: "an end at 8")
    },
    Case("trailing bytes", HandmadeFile(x("F32", "[1]", "[0,4]"), payload: [0, 0, 0, 0, 0])) {
      .trailingBytes(file: $0, expected: 4, found: 5)
    },
    Case("trailing bytes without a tensor", HandmadeFile("{}", payload: [1])) {
      .trailingBytes(file: $0, expected: 0, found: 1)
    },
  ]

  static let offsets: [Case] = [
    .entry(
      "fewer bytes than the shape needs", x("F32", "[2,3]", "[0,20]"), payload: Array(repeating: 0, count: 20),
      expected: "24 bytes for F32 [2, 3]", found: "20"),
    .entry(
      "more bytes than a single number needs", x("F64", "[]", "[0,16]"), payload: Array(repeating: 0, count: 16),
      expected: "8 bytes for F64 []", found: "16"),
    .entry(
      "a shape whose product overflows", x("U8", "[4294967296,4294967296]", "[0,0]"),
      expected: "a size that can be counted", found: "shape [4294967296, 4294967296]"),
    .entry(
      "a size that overflows only in bytes", x("F64", "[2305843009213693952]", "[0,0]"),
      expected: "a size that can be counted", found: "shape [2305843009213693952]"),
    .entry(
      "a shape of 2⁶³ − 1", x("U8", "[9223372036854775807]", "[0,9223372036854775807]"),
      expected: "bytes within the 0 of the file", found: "an end at 9223372036854775807"),
    .entry(
      "offsets in the wrong order", x("U8", "[1]", "[1,0]"), payload: [0],
      expected: "data_offsets [begin, end] with begin ≤ end", found: "[1, 0]"),
    .entry(
      "one offset", x("U8", "[1]", "[1]"), payload: [0],
      expected: "data_offsets [begin, end] with begin ≤ end", found: "[1]"),
    .entry(
      "three offsets", x("U8", "[1]", "[0,1,1]"), payload: [0],
      expected: "data_offsets [begin, end] with begin ≤ end", found: "[0, 1, 1]"),
    .entry(
      "a hole at the start", x("U8", "[1]", "[1,2]"), payload: [0, 0],
      expected: "bytes that start at 0, where those before it end", found: "1"),
    .entry(
      "a hole between", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"# + x("U8", "[1]", "[2,3]").dropFirst(),
      payload: [0, 0, 0], expected: "bytes that start at 1, where those before it end", found: "2"),
    .entry(
      "an overlap", #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"# + x("U8", "[2]", "[1,3]").dropFirst(),
      payload: [0, 0, 0], expected: "bytes that start at 2, where those before it end", found: "1"),
    .entry(
      "an empty tensor inside another",
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"# + x("U8", "[0]", "[1,1]").dropFirst(),
      payload: [0, 0], expected: "bytes that start at 2, where those before it end", found: "1"),
  ]

  static let json: [Case] = [
    .header("no JSON", "hello, world", byte: 0, expected: "'{'", found: "'h'"),
    .header("a list", "[]", byte: 0, expected: "'{'", found: "'['"),
    .header("white space first", " {}", byte: 0, expected: "'{'", found: "' '"),
    .header("white space that JSON does not know", "{\u{B}}", byte: 1, expected: "'\"'", found: "'\u{B}'"),
    .header("something after the end", "{}{}", byte: 2, expected: "the end of the header", found: "'{'"),
    .header("a zero byte after the end", "{}\0", byte: 2, expected: "the end of the header", found: "'\0'"),
    .header("a comma too many", #"{"__metadata__":{},}"#, byte: 19, expected: "'\"'", found: "'}'"),
    .header("a comma too few", #"{"__metadata__":{"a":"b""c":"d"}}"#, byte: 24, expected: "'}'", found: "'\"'"),
    .header("a tensor that is null", #"{"x":null}"#, byte: 5, expected: "'{'", found: "'n'"),
    .header("metadata that is a list", #"{"__metadata__":[]}"#, byte: 16, expected: "'{'", found: "'['"),
    .header("a number as metadata", #"{"__metadata__":{"a":1}}"#, byte: 21, expected: "'\"'", found: "'1'"),
    .header("null as metadata", #"{"__metadata__":{"a":null}}"#, byte: 21, expected: "'\"'", found: "'n'"),
    .header("an object as metadata", #"{"__metadata__":{"a":{}}}"#, byte: 21, expected: "'\"'", found: "'{'"),
    .header(
      "no offsets", #"{"x":{"dtype":"U8","shape":[0]}}"#, byte: 5,
      expected: "dtype, shape and data_offsets of tensor 'x'", found: "less"),
    .header(
      "a key that the format does not know", #"{"x":{"dtype":"U8","shape":[0],"strides":[1]}}"#, byte: 41,
      expected: "dtype, shape or data_offsets", found: "key 'strides'"),
    .header(
      "a negative dimension", x("U8", "[-1]", "[0,0]"), byte: 28, expected: "an integer from 0 to \(Int.max)",
      found: "'-'"),
    .header("a fraction", x("U8", "[1.0]", "[0,1]"), byte: 29, expected: "']'", found: "'.'"),
    .header("an exponent", x("U8", "[1e0]", "[0,1]"), byte: 29, expected: "']'", found: "'e'"),
    .header(
      "a leading zero", x("U8", "[01]", "[0,1]"), byte: 28, expected: "an integer from 0 to \(Int.max)", found: "'0'"),
    .header(
      "2⁶³", x("U8", "[9223372036854775808]", "[0,0]"), byte: 28, expected: "an integer from 0 to \(Int.max)",
      found: "'9'"),
    .header(
      "a nested list", x("U8", "[[1]]", "[0,1]"), byte: 28, expected: "an integer from 0 to \(Int.max)", found: "'['"),
    .header("a shape in a string", x("U8", #""[1]""#, "[0,1]"), byte: 27, expected: "'['", found: "'\"'"),
    .header("a string without end", #"{"x"#, byte: 3, expected: "'\"'", found: "the end"),
    .header(
      "a raw line break in a string", "{\"\n\":{}}", byte: 2, expected: "an escape for a control character",
      found: "'\n'"),
    .header("an unknown escape", #"{"\x":{}}"#, byte: 3, expected: "an escape", found: "'x'"),
    .header("half an escape", #"{"\"#, byte: 3, expected: "an escape", found: "the end"),
    .header("three digits", #"{"\u12"}"#, byte: 4, expected: "four hexadecimal digits", found: "'1'"),
    .header("digits with a sign", #"{"\u+123":{}}"#, byte: 4, expected: "four hexadecimal digits", found: "'+'"),
    .header("half a surrogate pair", #"{"\uD800":{}}"#, byte: 8, expected: "a pair of surrogates", found: "'\"'"),
    .header("the wrong half", #"{"\uDC00":{}}"#, byte: 8, expected: "a pair of surrogates", found: "'\"'"),
    .header("two first halves", #"{"\uD800\uD800":{}}"#, byte: 14, expected: "a pair of surrogates", found: "'\"'"),
  ]

  static let names: [Case] = [
    .header("one name twice", duplicate("x", "x"), byte: 53, expected: "each name once", found: "'x' again"),
    .header(
      "one name twice, once escaped", duplicate("x", #"\u0078"#), byte: 53, expected: "each name once",
      found: "'x' again"),
    .header(
      "one name twice, composed and decomposed", duplicate("é", "e\u{301}"), byte: 54, expected: "each name once",
      found: "'e\u{301}' again"),
    .header(
      "metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, byte: 19, expected: "each name once",
      found: "'__metadata__' again"),
    .header(
      "one key of the metadata twice", #"{"__metadata__":{"a":"1","a":"2"}}"#, byte: 25, expected: "each name once",
      found: "'a' again"),
    .header(
      "one key of a tensor twice", #"{"x":{"dtype":"U8","dtype":"U8"}}"#, byte: 19, expected: "each name once",
      found: "'dtype' again"),
  ]

  private static func duplicate(_ a: String, _ b: String) -> String {
    func entry(_ name: String) -> String { #""\#(name)":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"# }
    return "{" + entry(a) + "," + entry(b) + "}"
  }

  @Test("A wrong file gives the error that says how", arguments: lengths + offsets + json + names)
  func typedError(_ hostile: Case) throws {
    try HandmadeFile(bytes: hostile.bytes).withPath { path in
      let error = #expect(throws: hostile.error(path)) { try TensorFile(path: path) }
      // One line, whatever the file contains.
      if let error { #expect(!error.description.contains { $0.isNewline || $0 == "\0" }, "\(error)") }
    }
  }

  @Test("Bytes that are not UTF-8 are refused in names, keys, dtypes and metadata")
  func invalidUTF8() throws {
    // A stray continuation, a cut sequence, an overlong slash, a surrogate, beyond U+10FFFF, bytes that never occur.
    let invalid: [[UInt8]] = [
      [0x80], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFE], [0xFF],
    ]
    for bytes in invalid {
      let places: [(String, String)] = [
        (#"{""#, #"":{}}"#), (#"{"x":{""#, #"":"U8"}}"#), (#"{"x":{"dtype":""#, #""}}"#),
        (#"{"__metadata__":{""#, #"":""}}"#), (#"{"__metadata__":{"a":""#, #""}}"#),
      ]
      for (before, after) in places {
        let header = Array(before.utf8) + bytes + Array(after.utf8)
        let end = before.utf8.count + bytes.count + 1
        try HandmadeFile(header: header).withPath { path in
          #expect(
            throws: TensorFileError.header(
              file: path, byte: end, expected: "UTF-8", found: "other bytes in a string"), "\(bytes) after \(before)"
          ) { try TensorFile(path: path) }
        }
      }
    }
  }

  @Test("A folder, a file that is not there, and one that may not be read")
  func unreadable() throws {
    try withTemporaryFolder { folder in
      #expect(throws: TensorFileError.unreadable(file: folder, reason: "it is a directory")) {
        try TensorFile(path: folder)
      }
      let missing = folder + "/missing"
      #expect(throws: TensorFileError.unreadable(file: missing, reason: "there is no such file")) {
        try TensorFile(path: missing)
      }
    }
  }

  @Test("Nesting 100,000 deep, as many characters, digits, marks and keys: an answer, no crash")
  func size() throws {
    let many = 100_000
    func error(_ header: String) throws -> TensorFileError? {
      try HandmadeFile(header).withPath { path in
        do throws(TensorFileError) { _ = try TensorFile(path: path) } catch { return error }
        return nil
      }
    }
    for deep in ["{\"x\":", "{\"x\":{\"shape\":[", "{\"__metadata__\":{\"x\":"] {
      let header = deep + String(repeating: deep.hasSuffix("[") ? "[" : "{\"x\":", count: many)
      guard case .header(_, let byte, _, _) = try error(header) else {
        Issue.record("\(deep) opened")
        continue
      }
      #expect(byte < 40)
    }
    let digits = try error(Self.x("U8", "[" + String(repeating: "9", count: many) + "]", "[0,0]"))
    guard case .header(_, 28, "an integer from 0 to \(Int.max)", _) = digits else {
      Issue.record("\(String(describing: digits))")
      return
    }
    // Unicode sorts the marks on a letter before it compares, which takes quadratic time.
    let marks = "a" + String(repeating: "\u{301}\u{323}", count: many / 4)
    let marked = try error("{\"\(marks)\":{}}")
    guard case .header(_, _, "at most 30 combining marks on one letter", _) = marked else {
      Issue.record("\(String(describing: marked))")
      return
    }
    let long = String(repeating: "x", count: many)
    let keys = (0..<many).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    try HandmadeFile(#"{"__metadata__":{"\#(long)":"\#(long)",\#(keys)}}"#).withPath { path throws in
      #expect(try TensorFile(path: path).metadata.count == many + 1)
    }
  }

  @Test("Asking for what is not there, or as what it is not, gives the error that says so")
  func requests() throws {
    let header = """
      {"f":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"i":{"dtype":"I32","shape":[1],"data_offsets":[12,16]},\
      "u":{"dtype":"U64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"BOOL","shape":[2],"data_offsets":[16,18]}}
      """
    let payload = HandmadeFile.littleEndian(UInt64(1) << 63) + Array(repeating: 0, count: 8) + [1, 2]
    try HandmadeFile(header, payload: payload).withPath { path in
      let file = try TensorFile(path: path)
      #expect(file["g"] == nil)
      #expect(throws: TensorFileError.missing(file: path, tensor: "g")) { try file.doubles("g") }
      #expect(throws: TensorFileError.missing(file: path, tensor: "g")) { try file.integers("g") }
      #expect(
        throws: TensorFileError.elementType(
          file: path, tensor: "i", expected: "F64, F32, F16 or BF16", found: "I32")
      ) { try file.doubles("i") }
      #expect(
        throws: TensorFileError.elementType(file: path, tensor: "f", expected: "of integers", found: "F32")
      ) { try file.integers("f") }
      #expect(
        throws: TensorFileError.outOfRange(
          file: path, tensor: "u", expected: "up to \(Int.max)", found: "9223372036854775808")
      ) { try file.integers("u") }
      #expect(throws: TensorFileError.outOfRange(file: path, tensor: "b", expected: "0 or 1", found: "2")) {
        try file.integers("b")
      }
    }
  }

  @Test(
    "A dtype that is not known here does no harm to the other tensors, and cannot be read",
    arguments: ["F31", "f32", ""])
  func unknownType(dtype: String) throws {
    let header =
      #"{"x":{"dtype":"\#(dtype)","shape":[3],"data_offsets":[0,2]},"#
      + #""y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#
    try HandmadeFile(header, payload: [1, 2, 3]).withPath { path in
      let file = try TensorFile(path: path)
      #expect(file["x"]?.elementType == nil && file["x"]?.dtype == dtype)
      #expect(try file.integers("y") == [3])
      let expected = [("F64, F32, F16 or BF16", true), ("of integers", false)]
      for (expected, isReal) in expected {
        #expect(throws: TensorFileError.elementType(file: path, tensor: "x", expected: expected, found: dtype)) {
          if isReal { _ = try file.doubles("x") } else { _ = try file.integers("x") }
        }
      }
    }
  }
}
