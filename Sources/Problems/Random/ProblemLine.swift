import PathAttention
import TensorFiles

extension Problem: CustomStringConvertible {
  /// One line, from which `init(line:)` makes the same problem.
  public var description: String {
    var words = [
      "B\(shape.batch)", "T\(shape.length)", "HQ\(shape.queryHeads)", "H\(shape.heads)", "K\(shape.keyDim)",
      "V\(shape.valueDim)", "block=\(blockSize)", "levels=\(levels)",
    ]
    if let segmentBoundaries { words.append("cu=\(segmentBoundaries.map(String.init).joined(separator: ","))") }
    words += ["beta=\(beta)", "w=\(w)", "logits=\(logits)"]
    if let gate { words.append("gate=\(convention).\(gate)") }
    return (words + ["seed=\(seed)"]).joined(separator: " ")
  }

  /// Reads a line. Words may come in any order; the sizes are required, the rest has the values of the simplest problem.
  ///
  /// - Throws: `ProblemLineError` naming the word.
  public init(line: String) throws(ProblemLineError) {
    var words: [String: String] = [:]
    for word in line.split(whereSeparator: \.isWhitespace) {
      let key: Substring
      let value: Substring
      if let equals = word.firstIndex(of: "=") {
        (key, value) = (word[..<equals], word[word.index(after: equals)...])
      } else {
        key = word.prefix { $0.isLetter }
        value = word.dropFirst(key.count)
      }
      guard words.updateValue(String(value), forKey: String(key)) == nil else {
        throw ProblemLineError(word: String(word), expected: "each word once")
      }
    }
    func take<Value>(
      _ key: String, _ expected: String, _ parse: (String) -> Value?
    ) throws(ProblemLineError) -> Value? {
      guard let text = words.removeValue(forKey: key) else { return nil }
      guard let value = parse(text) else { throw ProblemLineError(word: "\(key)=\(text)", expected: expected) }
      return value
    }
    func size(_ key: String) throws(ProblemLineError) -> Int {
      guard let value = try take(key, "a number", { Int($0) }) else {
        throw ProblemLineError(word: line, expected: "\(key) and a number")
      }
      return value
    }
    func family<Family: RawRepresentable<String> & CaseIterable>(
      _ key: String, _ type: Family.Type
    ) throws(ProblemLineError) -> Family? {
      try take(key, "one of \(type.allCases.map(\.rawValue).joined(separator: ", "))") { Family(rawValue: $0) }
    }

    let shape = AttentionShape(
      batch: try size("B"), length: try size("T"), queryHeads: try size("HQ"), heads: try size("H"),
      keyDim: try size("K"), valueDim: try size("V"))
    self.init(shape: shape)
    func atLeast(_ minimum: Int, _ key: String) throws(ProblemLineError) -> Int? {
      try take(key, "at least \(minimum)") { Int($0).flatMap { $0 >= minimum ? $0 : nil } }
    }
    blockSize = try atLeast(1, "block") ?? blockSize
    levels = try atLeast(0, "levels") ?? levels
    seed = try take("seed", "a number") { UInt64($0) } ?? seed
    segmentBoundaries = try take("cu", "numbers with commas") { text in
      let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }
    beta = try family("beta", BetaFamily.self) ?? beta
    w = try family("w", WFamily.self) ?? w
    logits = try family("logits", LogitFamily.self) ?? logits
    let gate = try take("gate", "like scaled.strong") { text -> (GateConvention, GateFamily)? in
      let parts = text.split(separator: ".").map(String.init)
      guard parts.count == 2, let convention = GateConvention(rawValue: parts[0]),
        let family = GateFamily(rawValue: parts[1])
      else { return nil }
      return (convention, family)
    }
    if let gate { (convention, self.gate) = gate }
    if let unknown = words.keys.sorted().first { throw ProblemLineError(word: unknown, expected: "a known word") }
    try validate(line)
  }

  /// Checks what one word alone does not show: that the sizes fit together, and into memory.
  private func validate(_ line: String) throws(ProblemLineError) {
    do { try shape.validate() } catch { throw ProblemLineError(word: line, expected: "sizes that fit: \(error)") }
    let entries = Double(shape.batch) * Double(shape.length) * Double(shape.queryHeads)
    guard entries * Double(max(shape.keyDim, shape.valueDim)) <= 0x1p28 else {
      throw ProblemLineError(word: line, expected: "tensors of up to 2²⁸ entries")
    }
    guard let segmentBoundaries else { return }
    guard shape.batch == 1, segmentBoundaries.first == 0, segmentBoundaries.last == shape.length,
      zip(segmentBoundaries, segmentBoundaries.dropFirst()).allSatisfy(<=)
    else {
      throw ProblemLineError(
        word: "cu=\(segmentBoundaries)", expected: "boundaries rising from 0 to T = \(shape.length), with B = 1")
    }
  }
}

/// A word of a problem line that makes no sense.
public struct ProblemLineError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was found.
  public let word: String
  /// What was expected in its place.
  public let expected: String

  /// One line.
  public var description: String { "problem line: expected \(expected), found '\(word.excerpt())'" }
}
