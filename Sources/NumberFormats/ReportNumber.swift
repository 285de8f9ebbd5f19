/// A number in a report. JSON has neither infinity nor NaN: they are written as the strings "inf", "-inf" and "nan".
public struct ReportNumber: Sendable, Hashable, Codable {
  /// The number.
  public var value: Double

  /// A number to be reported.
  public init(_ value: Double) { self.value = value }

  /// A number, or one of the three strings.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      value = number
      return
    }
    let text = try container.decode(String.self)
    guard ["inf", "-inf", "nan"].contains(text), let number = Double(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a number, found '\(text)'")
    }
    value = number
  }

  /// A number, or one of the three strings.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if value.isFinite {
      try container.encode(value)
    } else {
      try container.encode(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    }
  }
}
