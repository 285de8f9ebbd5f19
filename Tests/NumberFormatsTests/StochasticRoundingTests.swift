import CRowKernels
import NumberFormats
import Testing

@Suite struct StochasticRoundingTests {
  private static let coarse = NumberFormat.allCases.filter { $0 != .float64 }

  private func rounded(_ numbers: [Double], _ format: NumberFormat, seed: UInt64) -> [Double] {
    var numbers = numbers
    numbers.withUnsafeMutableBufferPointer { format.roundStochastically($0, seed: seed) }
    return numbers
  }

  /// Numbers that are spread over the range of a format, drawn by a fixed linear congruence.
  private func numbers(_ format: NumberFormat, count: Int) -> [Double] {
    var state: UInt64 = 7
    let exponents = format.smallestNormalExponent - format.significandDigits - 2...1 - format.smallestNormalExponent
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let significand = 1 + Double(state >> 12) * 0x1p-52
      let exponent = exponents.lowerBound + Int(state >> 33) % exponents.count
      let x = Double(sign: state & 1 == 0 ? .plus : .minus, exponent: exponent, significand: significand)
      return min(max(x, -format.largestFinite), format.largestFinite)
    }
  }

  @Test("A number goes to one of its two neighbours in the format", arguments: coarse)
  func neighbours(format: NumberFormat) {
    let numbers = numbers(format, count: 4000)
    for seed in 1...3 as ClosedRange<UInt64> {
      for (x, y) in zip(numbers, rounded(numbers, format, seed: seed)) {
        #expect(format.round(y) == y, "\(x) becomes \(y), which is no \(format)")
        #expect(abs(y - x) < format.ulp(x), "\(x) becomes \(y)")
      }
    }
  }

  @Test("Numbers of the format, zeros, infinities and NaN stay", arguments: NumberFormat.allCases)
  func exact(format: NumberFormat) {
    let small = format.ulp(0)
    let exact = [0, -0.0, 1, -1, 1.5, small, -3 * small, format.largestFinite, .infinity, -.infinity]
    for (x, y) in zip(exact, rounded(exact, format, seed: 5)) {
      #expect(x == y && x.sign == y.sign, "\(x) becomes \(y)")
    }
    #expect(rounded([.nan], format, seed: 5)[0].isNaN)
  }

  @Test("Up with the probability of the distance, in the normal and the subnormal range", arguments: coarse)
  func probability(format: NumberFormat) {
    // A quarter of the way up, at 1 and among the subnormal numbers.
    for x in [1 + 0.25 * format.ulp(1), 5.25 * format.ulp(0)] {
      let count = 4000
      let ups = (1...count).count { rounded([x], format, seed: UInt64($0) << 20)[0] > x }
      // Binomial: the standard deviation is √(n/4·3/4) = 27; five of them.
      #expect(abs(ups - count / 4) < 137, "\(ups) of \(count) go up")
    }
  }

  @Test("The mean error is nothing and its square a sixth of a squared ulp", arguments: coarse)
  func moments(format: NumberFormat) {
    let numbers = (0..<20_000).map { 1 + Double($0) / 20_000 + 1e-9 }
    let errors = zip(numbers, rounded(numbers, format, seed: 3)).map { ($1 - $0) / format.ulp(1) }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let square = errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)
    // Standard deviations √(1/6/n) = 0.003 and √((1/15 − 1/36)/n) = 0.0014; five of them.
    #expect(abs(mean) < 0.015, "mean \(mean)")
    #expect(abs(square - 1 / 6) < 0.007, "mean square \(square)")
  }

  @Test("Opposite numbers and powers of two make no difference", arguments: NumberFormat.allCases)
  func symmetry(format: NumberFormat) {
    let numbers = (0..<500).map { 1.000_123 + Double($0) * 0.001_7 }
    let plain = rounded(numbers, format, seed: 9)
    #expect(rounded(numbers.map { -$0 }, format, seed: 9) == plain.map { -$0 })
    #expect(rounded(numbers.map { 0.125 * $0 }, format, seed: 9) == plain.map { 0.125 * $0 })
    #expect(rounded(numbers, format, seed: 10) != plain)
  }

  @Test("The last digit of a float64 moves by one, in one case of six")
  func lastDigit() {
    let numbers = (0..<12_000).map { 1 + (Double($0) + 0.5) / 12_000 + 0x1p-52 }
    let moved = zip(numbers, rounded(numbers, .float64, seed: 2)).map { ($1 - $0) / $0.ulp }
    #expect(moved.allSatisfy { [-1, 0, 1].contains($0) })
    // Binomial: the standard deviation is √(n · 5/36) = 41; five of them.
    #expect(abs(moved.count { $0 != 0 } - 2000) < 205)
    // Either way alike, or errors would add up that cancel: √(n · 11/144) = 30.
    #expect(abs(moved.count { $0 == 1 } - 1000) < 150, "\(moved.count { $0 == 1 }) go up")
    // Those that a Float holds are taken for exact.
    let floats = numbers.map { Double(Float($0)) }
    #expect(rounded(floats, .float64, seed: 2) == floats)
  }

  @Test("What is rounded beyond the largest number becomes infinite", arguments: coarse)
  func overflow(format: NumberFormat) {
    let beyond = format.largestFinite + 0.5 * format.ulp(format.largestFinite)
    let results = Set((1...200).map { rounded([beyond], format, seed: $0 << 20)[0] })
    #expect(results == [format.largestFinite, .infinity])
    #expect(rounded([-4 * format.largestFinite], format, seed: 1) == [-.infinity])
  }

  #if arch(x86_64) && os(Linux)
    @Test("Every instruction set that the processor has gives the same bits, for rows of every length")
    func clones() {
      typealias Round = (UnsafeMutablePointer<Double>, Int, UInt32, UInt64, UInt64, UInt64) -> Bool
      typealias Perturb = (UnsafeMutablePointer<Double>, Int, UInt64) -> Void
      var clones: [(name: String, round: Round, perturb: Perturb)] = [
        ("best", { rowRoundStochastically($0, $1, $2, $3, $4, $5) }, { rowPerturbLastDigits($0, $1, $2) })
      ]
      if processorHas_v3() {
        clones.append(
          ("v3", { rowRoundStochastically_v3($0, $1, $2, $3, $4, $5) }, { rowPerturbLastDigits_v3($0, $1, $2) }))
      }
      if processorHas_v4() {
        clones.append(
          ("v4", { rowRoundStochastically_v4($0, $1, $2, $3, $4, $5) }, { rowPerturbLastDigits_v4($0, $1, $2) }))
      }
      let format = NumberFormat.float16
      let (smallest, largest) = (0x1p-14.bitPattern, format.largestFinite.bitPattern)
      for n in 0...70 {
        var numbers = numbers(format, count: n)
        if n > 3 { (numbers[0], numbers[1], numbers[2]) = (.nan, -.infinity, 0x1p-20) }
        var rounded = numbers
        let isSmall = rowRoundStochastically_baseline(&rounded, n, 42, 9, smallest, largest)
        var perturbed = numbers
        rowPerturbLastDigits_baseline(&perturbed, n, 9)
        for clone in clones {
          var row = numbers
          #expect(clone.round(&row, n, 42, 9, smallest, largest) == isSmall, "\(clone.name), \(n)")
          #expect(row.map(\.bitPattern) == rounded.map(\.bitPattern), "\(clone.name), \(n)")
          row = numbers
          clone.perturb(&row, n, 9)
          #expect(row.map(\.bitPattern) == perturbed.map(\.bitPattern), "\(clone.name), \(n)")
        }
      }
    }
  #endif
}
