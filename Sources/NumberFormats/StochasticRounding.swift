import CRowKernels

extension NumberFormat {
  /// Rounds every number of a row to one of the two numbers of this format that enclose it, up or down at random, with
  /// probabilities by distance, so that the expected value is the number itself.
  ///
  /// What is drawn is a function of the seed and of the digits of the number: equal numbers are rounded alike, opposite ones
  /// oppositely, and a factor of a power of two makes no difference, as when rounding to nearest. So errors that repeat, or
  /// that cancel, do so here too. The variance, one sixth of a squared ulp on average, is twice that of rounding to nearest.
  ///
  /// Edge cases: numbers of the format stay, and so do infinities and NaN; what is rounded beyond the largest finite number
  /// becomes infinite; subnormal results are rounded at their own spacing. The digits of a `Double` beyond `float64` are not
  /// known: there a number moves to either neighbour with a probability of one twelfth, which gives the same variance, unless
  /// its last 16 digits are zero, which tells that it is exact.
  public func roundStochastically(_ row: UnsafeMutableBufferPointer<Double>, seed: UInt64) {
    guard self != .float64 else { return rowPerturbLastDigits(row.baseAddress, row.count, seed) }
    let smallestNormal = Double(sign: .plus, exponent: smallestNormalExponent, significand: 1)
    let hasSubnormal = rowRoundStochastically(
      row.baseAddress, row.count, UInt32(53 - significandDigits), seed, smallestNormal.bitPattern,
      largestFinite.bitPattern)
    guard hasSubnormal else { return }
    for j in 0..<row.count where row[j].magnitude < smallestNormal { row[j] = roundSubnormal(row[j], seed: seed) }
  }

  private func roundSubnormal(_ x: Double, seed: UInt64) -> Double {
    let spacing = Double(
      sign: .plus, exponent: smallestNormalExponent - significandDigits + 1, significand: 1)
    let magnitude = x.magnitude / spacing
    let below = magnitude.rounded(.down)
    let random = Double(randomBits(x.significandBitPattern, seed) >> 11) * 0x1p-53
    return Double(signOf: x, magnitudeOf: (below + (random < magnitude - below ? 1 : 0)) * spacing)
  }

  /// The distance from |x| to the next larger number of this format: that of the subnormal numbers around 0.
  public func ulp(_ x: Double) -> Double {
    guard x.isFinite else { return .nan }
    let exponent = x == 0 ? smallestNormalExponent : max(Int(x.exponent), smallestNormalExponent)
    return Double(sign: .plus, exponent: exponent - significandDigits + 1, significand: 1)
  }

  /// p, the digits of a significand with the one that is not stored.
  public var significandDigits: Int {
    switch self {
    case .float64: 53
    case .float32: 24
    case .tensorFloat32, .float16: 11
    case .bfloat16: 8
    }
  }

  /// The exponent of the smallest normal number.
  public var smallestNormalExponent: Int {
    switch self {
    case .float64: -1022
    case .float32, .tensorFloat32, .bfloat16: -126
    case .float16: -14
    }
  }

  /// The largest finite number.
  public var largestFinite: Double {
    let exponent = 1 - smallestNormalExponent
    let digits = Double(sign: .plus, exponent: 1 - significandDigits, significand: 1)
    return Double(sign: .plus, exponent: exponent, significand: 2 - digits)
  }
}
