/// A binary floating-point format that kernels store or compute in.
public enum NumberFormat: String, CaseIterable, Sendable, Codable {
  /// IEEE binary64.
  case float64
  /// IEEE binary32.
  case float32
  /// The operands of NVIDIA's tensor cores for Float32: 8 exponent bits, 10 explicit significand bits.
  case tensorFloat32
  /// IEEE binary16.
  case float16
  /// The upper half of binary32: 8 exponent bits, 7 explicit significand bits.
  case bfloat16

  /// u, half the distance from 1 to the next larger number: rounding to nearest has a relative error of at most u/(1+u) in
  /// the normal range.
  public var unitRoundoff: Double {
    switch self {
    case .float64: 0x1p-53
    case .float32: 0x1p-24
    case .tensorFloat32, .float16: 0x1p-11
    case .bfloat16: 0x1p-8
    }
  }

  /// The nearest number of this format, ties to the even significand.
  ///
  /// Edge cases: NaN stays NaN; the sign of zero is kept; what rounds beyond the largest finite number becomes infinite;
  /// subnormal results are rounded once, at their own spacing.
  public func round(_ x: Double) -> Double {
    switch self {
    case .float64: x
    case .float32: Double(Float(x))
    case .tensorFloat32: Double(Float(bitPattern: roundedPattern(roundedToOdd(x), dropping: 13)))
    case .float16: Double(Float16(x))
    case .bfloat16: Double(BFloat16(x))
    }
  }
}

/// The `Float` next to x, and among the two that enclose it the one with an odd last bit, if x is not a `Float` itself.
///
/// Rounding that to a format with at least two bits less gives what rounding x at once gives, because the odd bit remembers
/// on which side of a tie x was (Boldo and Melquiond 2008). Rounding to nearest twice does not.
func roundedToOdd(_ x: Double) -> Float {
  let nearest = Float(x)
  guard !x.isNaN, Double(nearest) != x else { return nearest }
  if nearest.isInfinite {
    // x is finite or infinite; beyond the largest Float the odd neighbour is that largest one.
    return x.isInfinite ? nearest : x > 0 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude
  }
  guard nearest.bitPattern & 1 == 0 else { return nearest }
  return Double(nearest) < x ? nearest.nextUp : nearest.nextDown
}

/// The pattern of a `Float` rounded to nearest, ties to even, so that its last `count` bits are zero. NaN stays NaN.
func roundedPattern(_ x: Float, dropping count: UInt32) -> UInt32 {
  let pattern = x.bitPattern
  let dropped: UInt32 = (1 << count) - 1
  // A NaN must not be rounded: a carry could turn it into an infinity. Setting the quiet bit keeps it a NaN.
  guard !x.isNaN else { return pattern & ~dropped | 0x0040_0000 }
  let half = dropped >> 1
  let lastKept = pattern >> count & 1
  // A carry out of the significand increments the exponent, up to infinity, which is what rounding asks for.
  return (pattern + half + lastKept) & ~dropped
}
