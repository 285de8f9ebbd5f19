import NumberFormats
import Testing

/// Rounding to the narrow formats, for every number of each and every place where a decision changes.
@Suite struct RoundingTests {
  /// A binary format by its definition alone: nothing of `Float16`, `Float` or bit manipulation, only sums of powers of two.
  struct Definition {
    let format: NumberFormat
    let exponentBits: Int
    let significandBits: Int

    /// The number of patterns without sign, up to and including that of infinity.
    var patterns: Range<Int> { 0..<((1 << exponentBits) - 1) << significandBits + 1 }

    /// All patterns but the last of formats of up to 20 bits; of wider ones every 4099th, and the ends of the subnormal and
    /// the finite numbers.
    var checked: [Int] {
      let finite = patterns.dropLast()
      guard finite.count > 1 << 20 else { return Array(finite) }
      let normal = 1 << significandBits
      return Array(stride(from: 0, to: finite.count, by: 4099)) + [1, normal - 1, normal, normal + 1, finite.last!]
    }

    /// The magnitude of a pattern without sign. For that of infinity it is the power of two at which rounding to infinity
    /// would land if exponents went on, so that the last midpoint is an ordinary one.
    func magnitude(_ pattern: Int) -> Double {
      let bias = (1 << (exponentBits - 1)) - 1
      let (exponent, fraction) = pattern.quotientAndRemainder(dividingBy: 1 << significandBits)
      let significand = exponent == 0 ? fraction : fraction + 1 << significandBits
      return Double(significand) * power(max(exponent, 1) - bias - significandBits)
    }

    /// The value that rounding yields.
    func value(_ pattern: Int) -> Double { pattern == patterns.last! ? .infinity : magnitude(pattern) }

    private func power(_ exponent: Int) -> Double {
      (0..<abs(exponent)).reduce(1) { power, _ in exponent < 0 ? power / 2 : power * 2 }
    }
  }

  /// How many of a great many checks fail, and the first that does.
  struct Failures: CustomStringConvertible {
    private(set) var count = 0
    private var first = ""
    var description: String { "\(count) failures, the first: \(first)" }

    mutating func check(_ holds: Bool, _ message: () -> String) {
      guard !holds else { return }
      if count == 0 { first = message() }
      count += 1
    }
  }

  static let definitions = [
    Definition(format: .float16, exponentBits: 5, significandBits: 10),
    Definition(format: .bfloat16, exponentBits: 8, significandBits: 7),
    Definition(format: .tensorFloat32, exponentBits: 8, significandBits: 10),
    Definition(format: .float32, exponentBits: 8, significandBits: 23),
  ]

  @Test(
    "Numbers, midpoints and what is next to them round to nearest, ties to even",
    arguments: definitions)
  func everyMidpoint(_ definition: Definition) {
    var failures = Failures()
    func check(_ x: Double, _ pattern: Int) {
      for sign in [1.0, -1.0] {
        let found = definition.format.round(sign * x)
        let expected = sign * definition.value(pattern)
        // Patterns, so that zeros of different sign differ.
        failures.check(found.bitPattern == expected.bitPattern) {
          "\(definition.format) of \(sign * x) (\(x.bitPattern)) is \(found), expected \(expected)"
        }
      }
    }
    for p in definition.checked {
      let (low, high) = (definition.magnitude(p), definition.magnitude(p + 1))
      let midpoint = low + (high - low) / 2
      check(low, p)
      check(low.nextUp, p)
      check(low + (high - low) / 4, p)
      check(midpoint.nextDown, p)
      check(midpoint, p % 2 == 0 ? p : p + 1)
      // Rounding through Float would lose on which side of the tie this is.
      check(midpoint.nextUp, p + 1)
      check(high.nextDown, p + 1)
    }
    let infinity = definition.patterns.last!
    for x in [definition.magnitude(infinity), 0x1p200, .greatestFiniteMagnitude, .infinity] { check(x, infinity) }
    for x in [Double.leastNonzeroMagnitude, .leastNormalMagnitude, 0x1p-500] { check(x, 0) }
    #expect(failures.count == 0, "\(failures)")
  }

  @Test("The unit roundoff is half the distance from 1 to the next number", arguments: definitions)
  func unitRoundoff(_ definition: Definition) {
    let one = ((1 << (definition.exponentBits - 1)) - 1) << definition.significandBits
    #expect(definition.magnitude(one) == 1)
    #expect(definition.format.unitRoundoff == (definition.magnitude(one + 1) - 1) / 2)
  }

  @Test("binary64 is Double itself")
  func float64() {
    for x in [0.0, -0.0, 0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.infinity] {
      #expect(NumberFormat.float64.round(x).bitPattern == x.bitPattern)
    }
    #expect(NumberFormat.float64.unitRoundoff == Double.ulpOfOne / 2)
  }

  @Test("NaN stays NaN, whatever its bits")
  func nan() {
    for format in NumberFormat.allCases { #expect(format.round(.nan).isNaN && format.round(-.nan).isNaN, "\(format)") }
    // Payloads that stand only in the bits that are dropped, and those that a carry would turn into an infinity or a zero.
    for pattern: UInt32 in [0x7F80_0001, 0x7FFF_FFFF, 0x7F80_8000, 0xFF80_0001, 0xFFFF_FFFF, 0x7FC0_0000] {
      #expect(Float(BFloat16(Float(bitPattern: pattern))).isNaN, "\(pattern)")
    }
  }

  @Test("Every bfloat16 pattern widens to the number it stands for and narrows back to itself")
  func everyBFloat16() {
    let definition = Self.definitions[1]
    var failures = Failures()
    for pattern in 0...UInt16.max {
      let x = BFloat16(bitPattern: pattern)
      let magnitude = Int(pattern & 0x7FFF)
      if magnitude < definition.patterns.upperBound {
        let expected = (pattern >> 15 == 0 ? 1 : -1) * definition.value(magnitude)
        failures.check(Double(x).bitPattern == expected.bitPattern) { "\(pattern) widens to \(Double(x))" }
        failures.check(Double(Float(x)).bitPattern == expected.bitPattern) { "\(pattern) widens to \(Float(x))" }
        failures.check(BFloat16(Double(x)) == x && BFloat16(Float(x)) == x) { "\(pattern) does not come back" }
      } else {
        // Quiet ones come back as they are, signalling ones quiet.
        failures.check(Double(x).isNaN && BFloat16(Float(x)).bitPattern == pattern | 0x0040) { "NaN \(pattern)" }
      }
    }
    #expect(failures.count == 0, "\(failures)")
  }

  @Test("Float rounds to bfloat16 as Double does, which holds every Float")
  func floatToBFloat16() {
    var failures = Failures()
    // Every Float that has 16 given upper bits and lower bits around a tie or an end.
    for upper in 0..<UInt32(0x7F80) {
      for lower: UInt32 in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
        let x = Float(bitPattern: upper << 16 | lower)
        failures.check(BFloat16(x) == BFloat16(Double(x)) && BFloat16(-x) == BFloat16(-Double(x))) { "\(x)" }
      }
    }
    #expect(failures.count == 0, "\(failures)")
  }
}
