import PathAttention

extension Problem: CustomStringConvertible {
  /// One line, from which `init(line:)` makes the same problem.
  public var description: String {
    var words = [
      "B\(shape.batch)", "T\(shape.length)", "HQ\(shape.queryHeads)", "H\(shape.heads)", "K\(shape.keyDim)",
      "V\(shape.valueDim)", "block=\(blockSize)",
    ]
    if let segmentBoundaries { words.append("cu=\(segmentBoundaries.map(String.init).joined(separator: ","))") }
    words += ["beta=\(strengths)", "w=\(reflections)", "logits=\(logits)"]
    if let gate { words.append("gate=\(convention).\(gate)") }
    return (words + ["seed=\(seed)"]).joined(separator: " ")
  }

  /// Reads a line. Words may come in any order; the sizes are required, the rest has the values of the simplest problem.
  ///
  /// - Throws: `ProblemLineError` naming the word.
  public init(line: String) throws(ProblemLineError) {
    var words: [String: String] = [:]
    for word in line.split(separator: " ") {
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
    blockSize = try take("block", "at least 1") { Int($0).flatMap { $0 >= 1 ? $0 : nil } } ?? blockSize
    seed = try take("seed", "a number") { UInt64($0) } ?? seed
    segmentBoundaries = try take("cu", "numbers with commas") { text in
      let numbers = text.split(separator: ",").map { Int($0) }
      return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
    }
    strengths = try family("beta", StrengthFamily.self) ?? strengths
    reflections = try family("w", ReflectionFamily.self) ?? reflections
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
  }
}

/// A word of a problem line that makes no sense.
public struct ProblemLineError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was found.
  public let word: String
  /// What was expected in its place.
  public let expected: String

  /// One line.
  public var description: String { "problem line: expected \(expected), found '\(word)'" }
}
