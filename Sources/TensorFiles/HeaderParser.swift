/// A strict reader of the JSON of a safetensors header: one object of objects, strings, and arrays of non-negative integers.
///
/// General JSON readers accept too much here: repeated keys, of which one silently wins, and nesting as deep as the stack.
/// This one descends exactly as far as the format does.
struct HeaderParser {
  /// An entry as written, before it is checked against the file.
  struct Entry: Equatable {
    var name: String
    var elementType: String
    var shape: [Int]
    var offsets: [Int]
  }

  private let file: String
  private let bytes: [UInt8]
  private var position = 0

  /// - Parameter bytes: The header, without its length.
  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// Reads the whole header. O(bytes).
  mutating func parse() throws(TensorFileError) -> (entries: [Entry], metadata: [String: String]) {
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    // The format asks for '{' as the first byte; white space is allowed everywhere else.
    guard bytes.first == UInt8(ascii: "{") else { throw unexpected("'{'") }
    try object { parser, key throws(TensorFileError) in
      if key == "__metadata__" {
        metadata = try parser.metadata()
      } else {
        entries.append(try parser.entry(name: key))
      }
    }
    skipWhitespace()
    guard position == bytes.count else { throw unexpected("the end of the header") }
    return (entries, metadata)
  }

  // MARK: Grammar

  private mutating func metadata() throws(TensorFileError) -> [String: String] {
    var metadata: [String: String] = [:]
    try object { parser, key throws(TensorFileError) in metadata[key] = try parser.string() }
    return metadata
  }

  private mutating func entry(name: String) throws(TensorFileError) -> Entry {
    var elementType: String?
    var shape: [Int]?
    var offsets: [Int]?
    let start = position
    try object { parser, key throws(TensorFileError) in
      switch key {
      case "dtype": elementType = try parser.string()
      case "shape": shape = try parser.integers()
      case "data_offsets": offsets = try parser.integers()
      default:
        throw .header(
          file: parser.file, byte: parser.position, expected: "dtype, shape or data_offsets", found: "key '\(key)'")
      }
    }
    guard let elementType, let shape, let offsets else {
      throw .header(
        file: file, byte: start, expected: "dtype, shape and data_offsets of tensor '\(name)'", found: "less")
    }
    return Entry(name: name, elementType: elementType, shape: shape, offsets: offsets)
  }

  /// `{ "key": value, … }` with keys that differ, after escapes are resolved and up to Unicode equivalence.
  private mutating func object(
    _ value: (inout HeaderParser, _ key: String) throws(TensorFileError) -> Void
  ) throws(TensorFileError) {
    var keys: Set<String> = []
    try expect("{")
    if accept("}") { return }
    repeat {
      let start = position
      let key = try string()
      guard keys.insert(key).inserted else {
        throw .header(file: file, byte: start, expected: "each name once", found: "'\(key)' again")
      }
      try expect(":")
      try value(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// `[ 1, 2, … ]`
  private mutating func integers() throws(TensorFileError) -> [Int] {
    var values: [Int] = []
    try expect("[")
    if accept("]") { return values }
    repeat { values.append(try integer()) } while accept(",")
    try expect("]")
    return values
  }

  private mutating func integer() throws(TensorFileError) -> Int {
    skipWhitespace()
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    // A digit string that a fraction, an exponent or a letter continues fails at the next expected character.
    guard let value = Int(digits), digits == "0" || !digits.hasPrefix("0") else {
      position = start
      throw unexpected("an integer from 0 to \(Int.max)")
    }
    return value
  }

  private mutating func string() throws(TensorFileError) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw .header(file: file, byte: position, expected: "UTF-8", found: "other bytes in a string")
        }
        guard !string.hasLongRunOfMarks else {
          throw .header(
            file: file, byte: position, expected: "at most \(String.longestRunOfMarks) combining marks on one letter",
            found: "more")
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += try escape().utf8
      case 0..<0x20:
        throw unexpected("an escape for a control character")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw unexpected("'\"'")
  }

  /// What follows a backslash.
  private mutating func escape() throws(TensorFileError) -> String {
    guard position < bytes.count else { throw unexpected("an escape") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var units = [try hexadecimalUnit()]
      if UTF16.isLeadSurrogate(units[0]), bytes[position...].starts(with: Array("\\u".utf8)) {
        position += 2
        units.append(try hexadecimalUnit())
      }
      guard let text = String(validating: units, as: UTF16.self) else { throw unexpected("a pair of surrogates") }
      return text
    default:
      position -= 1
      throw unexpected("an escape")
    }
  }

  private mutating func hexadecimalUnit() throws(TensorFileError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw unexpected("four hexadecimal digits") }
    position += 4
    return unit
  }

  // MARK: Characters

  private mutating func skipWhitespace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func accept(_ character: UnicodeScalar) -> Bool {
    skipWhitespace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: UnicodeScalar) throws(TensorFileError) {
    guard accept(character) else { throw unexpected("'\(character)'") }
  }

  private func unexpected(_ expected: String) -> TensorFileError {
    let found = position < bytes.count ? "'\(UnicodeScalar(bytes[position]))'" : "the end"
    return .header(file: file, byte: position, expected: expected, found: found)
  }
}

extension String {
  /// The most combining marks on one letter: what the Stream-Safe Text Format allows (Unicode Standard Annex 15, section
  /// 13), which no language comes near.
  static let longestRunOfMarks = 30

  /// Whether more than that stand in a row. Comparing and hashing strings sorts such runs in quadratic time, so a header full
  /// of marks would keep its reader busy for days.
  fileprivate var hasLongRunOfMarks: Bool {
    var run = 0
    for scalar in unicodeScalars {
      run = scalar.isMark ? run + 1 : 0
      if run > Self.longestRunOfMarks { return true }
    }
    return false
  }
}

extension UnicodeScalar {
  fileprivate var isMark: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark: true
    default: false
    }
  }
}
