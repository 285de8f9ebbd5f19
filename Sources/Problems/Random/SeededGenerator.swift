import LinearAlgebra

/// A reproducible source of random numbers: SplitMix64 (Steele, Lea and Flood 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The sequence of a seed.
  public init(seed: UInt64) { state = seed }

  /// A sequence of its own for one part of what a seed generates, so that changing one part leaves the others alone.
  public init(seed: UInt64, part: String) {
    // FNV-1a over the name, then a step of the generator to spread it.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    self.init(seed: seed ^ hash)
    state = next()
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number uniform in a range.
  public mutating func uniform(_ range: ClosedRange<Double>) -> Double { .random(in: range, using: &self) }

  /// A standard normal number, by the polar method.
  public mutating func normal() -> Double {
    while true {
      let (x, y) = (uniform(-1...1), uniform(-1...1))
      let s = x * x + y * y
      if s > 0 && s < 1 { return x * (-2 * Double.log(s) / s).squareRoot() }
    }
  }

  /// An element of the prime field, each equally likely.
  public mutating func fieldElement() -> PrimeField {
    PrimeField(UInt64.random(in: 0..<PrimeField.modulus, using: &self))
  }
}
