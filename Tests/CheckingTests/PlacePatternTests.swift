import Checking
import NumberFormats
import PathAttention
import Problems
import Testing

/// Each rule of the pattern, on rows that it is made for.
@Suite struct PlacePatternTests {
  /// Where a row stands.
  struct Row {
    let index: Int
    let head: Int
    let segment: Int
    let position: Int
    let length: Int
  }

  /// The rules for rows of which a function tells how far they are off: all words but for the count of rows there.
  private func words(
    _ line: String, _ tensor: AttentionTensor, block: Int = 8, _ multiple: (Row) -> Double
  ) throws -> [String] {
    try allWords(line, tensor, block: block, multiple).filter { !$0.hasSuffix("rows there are off") }
  }

  private func allWords(
    _ line: String, _ tensor: AttentionTensor, block: Int = 8, _ multiple: (Row) -> Double
  ) throws -> [String] {
    let inputs = try Problem(line: line).inputs()
    let heads = inputs.shape.layout(of: tensor).heads
    var multiples = [Double](repeating: 0, count: inputs.shape.tokens * heads)
    for (number, segment) in inputs.segments.filter({ !$0.isEmpty }).enumerated() {
      for token in segment {
        for head in 0..<heads {
          let index = token * heads + head
          multiples[index] = multiple(
            Row(
              index: index, head: head, segment: number, position: token - segment.lowerBound, length: segment.count))
        }
      }
    }
    return PlacePattern(RowLayout(tensor, inputs), multiples: multiples, blockSize: block).words
  }

  private func words(
    _ line: String, _ tensor: AttentionTensor = .o, over: (Row) -> Bool
  ) throws -> [String] {
    try words(line, tensor) { over($0) ? 10 : 0.5 }
  }

  static let whole = "B1 T44 HQ4 H2 K3 V3"
  static let packed = "B1 T44 HQ4 H2 K3 V3 cu=0,0,20,33,44"

  @Test("Everywhere, nowhere, and without order")
  func trivial() throws {
    #expect(try words(Self.whole) { _ in true } == ["every row"])
    #expect(try words(Self.whole) { _ in false } == ["no row alone is over the envelope; all together are"])
    #expect(try words(Self.whole) { $0.index % 7 == 3 } == ["scattered"])
  }

  @Test("A sentence covers no row that is right without saying how many are wrong")
  func counts() throws {
    func all(_ over: (Row) -> Bool) throws -> [String] { try allWords(Self.whole, .o) { over($0) ? 10 : 0.5 } }
    #expect(try all { $0.index % 7 == 3 } == ["scattered", "25 of 176 rows there are off"])
    #expect(try all { $0.index != 5 } == ["nearly every row", "175 of 176 rows there are off"])
    #expect(try all { $0.position >= 20 && $0.index != 100 } == ["starts at token 20", "95 of 96 rows there are off"])
    #expect(try all { $0.position >= 20 } == ["starts at token 20"])
  }

  @Test("Blocks with others between them are listed, and what is seen in one block is not said of each")
  func blocks() throws {
    #expect(
      try words(Self.whole) { [1, 2, 4].contains($0.position / 8) } == ["only blocks 1, 2 and 4 (of 8, counted from 0)"]
    )
    #expect(try words(Self.whole) { (18...20).contains($0.position) } == ["only tokens 18 to 20"])
    #expect(try words(Self.whole) { $0.position == 24 } == ["only token 24"])
  }

  @Test("Heads, and the boundaries of key/value heads")
  func heads() throws {
    #expect(try words(Self.whole) { $0.head == 2 } == ["only head 2"])
    #expect(try words(Self.whole) { $0.head % 2 == 0 } == ["only the first query head of every key/value head"])
    #expect(try words(Self.whole) { $0.head % 2 == 1 } == ["only the last query head of every key/value head"])
    #expect(
      try words("B1 T44 HQ6 H2 K3 V3") { $0.head % 3 != 0 }
        == ["all but the first query head of every key/value head"])
    #expect(try words(Self.whole, .dk) { $0.head == 1 } == ["only head 1"])
  }

  @Test("Segments and sequences")
  func segments() throws {
    #expect(try words(Self.packed) { $0.segment > 0 } == ["only segments after the first"])
    #expect(try words(Self.packed) { $0.segment == 1 } == ["only segment 1"])
    #expect(try words("B3 T8 HQ2 H2 K3 V3") { $0.segment > 0 } == ["only sequences after the first"])
  }

  @Test("Places in the segment and in the block")
  func tokens() throws {
    #expect(try words(Self.packed) { $0.position == 0 } == ["only the first token of the segment"])
    #expect(try words(Self.packed) { $0.position == $0.length - 1 } == ["only the last token of the segment"])
    #expect(try words(Self.whole) { $0.position >= 40 } == ["only the last partial block (of 8)"])
    #expect(try words(Self.whole) { $0.position % 8 == 0 } == ["only the first token of each block (of 8)"])
    #expect(try words(Self.whole) { $0.position % 8 == 7 } == ["only the last token of each block (of 8)"])
    #expect(
      try words(Self.whole) { (2...4).contains($0.position % 8) }
        == ["only tokens 2 to 4 of each block (of 8, counted from 0)"])
    #expect(try words(Self.whole) { $0.position >= 21 } == ["starts at token 21"])
    #expect(try words(Self.whole) { $0.position <= 21 } == ["ends after token 21"])
    #expect(try words(Self.whole) { (13...21).contains($0.position) } == ["only tokens 13 to 21"])
    #expect(try words(Self.packed) { $0.position >= $0.length - 3 } == ["only the last 3 tokens of the segment"])
  }

  @Test("Rules look inside what others have found")
  func nested() throws {
    #expect(
      try words(Self.packed) { $0.segment > 0 && $0.head == 3 && $0.position == 0 }
        == ["only head 3", "only segments after the first", "only the first token of the segment"])
  }

  @Test("Growth along the tokens")
  func growth() throws {
    let rising = try words(Self.whole, .o) { 3 + Double($0.position) }
    #expect(rising == ["every row", "grows with the token index"])
    #expect(try words(Self.whole, .o) { 50 - Double($0.position) } == ["every row", "falls with the token index"])
    #expect(try words(Self.whole, .o) { 10 + Double($0.position % 5) } == ["every row"])
  }

  @Test("What rows look like: zero, a multiple of the reference, constant along the row, not finite")
  func shapes() {
    let reference = (0..<40).map { 1 + Double($0 * $0 % 11) }
    func shape(_ candidate: [Double]) -> [String] {
      ErrorShape(rows: Array(0..<5), candidate: candidate, reference: reference, lanes: 8).words
    }
    #expect(shape(reference.map { _ in 0 }) == ["the candidate is zero there"])
    #expect(shape(reference.map { 0.125 * $0 }) == ["the candidate is 0.125 times the reference there"])
    #expect(shape(reference.map { $0 + 2 }) == ["the error is constant along the row"])
    #expect(shape(reference.enumerated().map { $0 % 8 == 3 ? .nan : $1 }) == ["the candidate is not finite there"])
    #expect(shape(reference.enumerated().map { $1 + ($0 % 3 == 0 ? 1 : -1) }).isEmpty)
  }
}
