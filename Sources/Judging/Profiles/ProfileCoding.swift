import NumberFormats
import PathAttention
import TensorFiles

extension NumericsProfile: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case name, note, blockSize, sumLength, operands, sums, results, points
  }

  /// Reads a profile. Keys that are not known are errors, because a misspelt point would be left out silently.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
    try Self.check(keys, against: CodingKeys.allCases.map(\.rawValue), "a key of a profile", decoder.codingPath)
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    note = try container.decodeIfPresent(String.self, forKey: .note)
    blockSize = try container.decodeIfPresent(Int.self, forKey: .blockSize)
    sumLength = try container.decode(Int.self, forKey: .sumLength)
    for (key, value) in [(CodingKeys.blockSize, blockSize ?? 1), (.sumLength, sumLength)]
    where !(1...Self.largestSize).contains(value) {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "expected 1 to \(Self.largestSize), found \(value)")
    }
    operands = try container.decode(ProfileFormat.self, forKey: .operands)
    sums = try container.decode(ProfileFormat.self, forKey: .sums)
    results = try container.decode(ProfileFormat.self, forKey: .results)
    let named = try container.decodeIfPresent([String: ProfileFormat].self, forKey: .points) ?? [:]
    try Self.check(
      Array(named.keys), against: RoundingPoint.allCases.map(\.rawValue), "a rounding point",
      decoder.codingPath + [CodingKeys.points])
    points = Dictionary(uniqueKeysWithValues: named.map { (RoundingPoint(rawValue: $0)!, $1) })
  }

  /// The most rows of a block and terms of a sum: more than any kernel has, and nothing that is computed from it overflows.
  private static let largestSize = 1 << 20

  /// Writes what `init(from:)` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(note, forKey: .note)
    try container.encodeIfPresent(blockSize, forKey: .blockSize)
    try container.encode(sumLength, forKey: .sumLength)
    try container.encode(operands, forKey: .operands)
    try container.encode(sums, forKey: .sums)
    try container.encode(results, forKey: .results)
    try container.encode(points, forKey: .points)
  }

  private static func check(
    _ names: [String], against known: [String], _ what: String, _ path: [any CodingKey]
  ) throws {
    guard let unknown = names.sorted().first(where: { !known.contains($0) }) else { return }
    throw DecodingError.dataCorrupted(
      DecodingError.Context(
        codingPath: path,
        debugDescription: "expected \(what), one of \(known.joined(separator: ", ")), found '\(unknown)'"))
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension ProfileFormat: Codable {
  /// Reads `activation` or the name of a format.
  public init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    if name == "activation" {
      self = .activation
    } else if let format = NumberFormat(rawValue: name) {
      self = .format(format)
    } else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "expected activation or one of "
            + "\(NumberFormat.allCases.map(\.rawValue).joined(separator: ", ")), found '\(name)'"))
    }
  }

  /// Writes `activation` or the name of the format.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .activation: try container.encode("activation")
    case .format(let format): try container.encode(format.rawValue)
    }
  }
}
