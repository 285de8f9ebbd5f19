import CRowKernels
import Problems
import Testing

/// The kernels as they are compiled for one instruction set.
struct RowKernels: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let maximumF32: @Sendable (UnsafePointer<Float>, Int) -> Float
  let maximumF64: @Sendable (UnsafePointer<Double>, Int) -> Double
  let exponentialF32: @Sendable (UnsafeMutablePointer<Float>, Int, Float) -> Float
  let exponentialF64: @Sendable (UnsafeMutablePointer<Double>, Int, Double) -> Double
  let multiplyShiftedF32: @Sendable (UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int, Float) -> Void
  let multiplyShiftedF64: @Sendable (UnsafeMutablePointer<Double>, UnsafePointer<Double>, Int, Double) -> Void

  /// The one that is called, and every one that this processor has.
  static let all: [RowKernels] = {
    var all = [
      RowKernels(
        testDescription: "best", maximumF32: { rowMaximumF32($0, $1) }, maximumF64: { rowMaximumF64($0, $1) },
        exponentialF32: { rowExponentialF32($0, $1, $2) }, exponentialF64: { rowExponentialF64($0, $1, $2) },
        multiplyShiftedF32: { rowMultiplyShiftedF32($0, $1, $2, $3) },
        multiplyShiftedF64: { rowMultiplyShiftedF64($0, $1, $2, $3) }),
      RowKernels(
        testDescription: "baseline", maximumF32: { rowMaximumF32_baseline($0, $1) },
        maximumF64: { rowMaximumF64_baseline($0, $1) }, exponentialF32: { rowExponentialF32_baseline($0, $1, $2) },
        exponentialF64: { rowExponentialF64_baseline($0, $1, $2) },
        multiplyShiftedF32: { rowMultiplyShiftedF32_baseline($0, $1, $2, $3) },
        multiplyShiftedF64: { rowMultiplyShiftedF64_baseline($0, $1, $2, $3) }),
    ]
    #if arch(x86_64) && os(Linux)
      if processorHas_v3() {
        all.append(
          RowKernels(
            testDescription: "x86-64-v3", maximumF32: { rowMaximumF32_v3($0, $1) },
            maximumF64: { rowMaximumF64_v3($0, $1) }, exponentialF32: { rowExponentialF32_v3($0, $1, $2) },
            exponentialF64: { rowExponentialF64_v3($0, $1, $2) },
            multiplyShiftedF32: { rowMultiplyShiftedF32_v3($0, $1, $2, $3) },
            multiplyShiftedF64: { rowMultiplyShiftedF64_v3($0, $1, $2, $3) }))
      }
      if processorHas_v4() {
        all.append(
          RowKernels(
            testDescription: "x86-64-v4", maximumF32: { rowMaximumF32_v4($0, $1) },
            maximumF64: { rowMaximumF64_v4($0, $1) }, exponentialF32: { rowExponentialF32_v4($0, $1, $2) },
            exponentialF64: { rowExponentialF64_v4($0, $1, $2) },
            multiplyShiftedF32: { rowMultiplyShiftedF32_v4($0, $1, $2, $3) },
            multiplyShiftedF64: { rowMultiplyShiftedF64_v4($0, $1, $2, $3) }))
      }
    #endif
    return all
  }()
}

/// The vectorised loops against the system's library in a wider type.
@Suite struct RowKernelTests {
  @Test("exp of a Float is within 1.5 ulp on a fine grid of its whole normal range", arguments: RowKernels.all)
  func floatExponential(kernels: RowKernels) {
    // Every 331st pattern from −0 to −87.33, and those of the positive numbers up to 88.
    for sign in [UInt32(0x8000_0000), 0] {
      let last = Float(sign == 0 ? 88 : 87.33).bitPattern
      var xs = stride(from: UInt32(0), through: last, by: 331).map { Float(bitPattern: sign | $0) }
      let expected = xs.map { Double.exp(Double($0)) }
      _ = kernels.exponentialF32(&xs, xs.count, 0)
      for (found, expected) in zip(xs, expected) {
        let error = abs(Double(found) - expected) / Double(Float(expected).ulp)
        guard error <= 1.5 else {
          Issue.record("exp is \(expected), found \(found): \(error) ulp")
          return
        }
      }
    }
  }

  #if arch(x86_64)
    @Test("exp of a Double is within 1.5 ulp on 10⁶ numbers in its whole normal range", arguments: RowKernels.all)
    func doubleExponential(kernels: RowKernels) {
      var random = SeededGenerator(seed: 11)
      let chunk = 1000
      for _ in 0..<1000 {
        // Uniform ones, and small ones of every magnitude.
        let xs = (0..<chunk).map { _ in
          Bool.random(using: &random)
            ? random.uniform(-708...709) : -Double.exp(random.uniform(-40...6.5))
        }
        var found = xs
        _ = kernels.exponentialF64(&found, chunk, 0)
        for (x, found) in zip(xs, found) {
          let expected = exponential(Float80(x))
          let error = abs(Float80(found) - expected) / Float80(Double(expected).ulp)
          guard error <= 1.5 else {
            Issue.record("exp(\(x)) is \(expected), found \(found): \(error) ulp")
            return
          }
        }
      }
    }

    /// exp in extended precision: 2ᵏ exp(x − k ln 2), the second factor by its series.
    private func exponential(_ x: Float80) -> Float80 {
      let k = (x * 0x1.71547652b82fe1777d0ffda0d23a8p0).rounded()
      let r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c7673007e5ed5e81e69p-33
      let sum = (1...24).reversed().reduce(Float80(1)) { 1 + r / Float80($1) * $0 }
      return Float80(sign: .plus, exponent: Int(k), significand: sum)
    }
  #endif

  @Test("exp is exact at 0, 0 at −∞ and below the normal range, and NaN stays NaN", arguments: RowKernels.all)
  func exponentialEdges(kernels: RowKernels) {
    for n in [1, 15, 16, 17, 33] {
      for (x, expected) in [(0, 1), (-Float.infinity, 0), (-90, 0), (-1e30, 0)] as [(Float, Float)] {
        var row = [Float](repeating: x, count: n)
        #expect(kernels.exponentialF32(&row, n, 0) == expected * Float(n))
        #expect(row.allSatisfy { $0 == expected })
        var wide = [Double](repeating: Double(x) * 10, count: n)
        #expect(kernels.exponentialF64(&wide, n, 0) == Double(expected) * Double(n))
        #expect(wide.allSatisfy { $0 == Double(expected) })
      }
      var row = [Float](repeating: 0, count: n)
      row[n - 1] = .nan
      #expect(kernels.exponentialF32(&row, n, 0).isNaN && row[n - 1].isNaN)
      var wide = [Double](repeating: 0, count: n)
      wide[n / 2] = .nan
      #expect(kernels.exponentialF64(&wide, n, 0).isNaN && wide[n / 2].isNaN)
    }
  }

  @Test(
    "Rows of every length: the sum is that of the entries, the maximum the largest, the shift subtracted",
    arguments: RowKernels.all)
  func lengths(kernels: RowKernels) {
    var random = SeededGenerator(seed: 12)
    for n in 1...70 {
      let xs = (0..<n).map { _ in random.uniform(-20...0) }
      #expect(kernels.maximumF64(xs, n) == xs.max()!)
      #expect(kernels.maximumF32(xs.map { Float($0) }, n) == Float(xs.max()!))
      var row = xs
      let sum = kernels.exponentialF64(&row, n, 1)
      // n additions of positive numbers, each off by at most u.
      #expect(abs(sum - row.reduce(0, +)) <= Double(n) * 0x1p-52 * sum)
      #expect(zip(row, xs).allSatisfy { abs($0 - Double.exp($1 - 1)) <= 4 * $0.ulp })
      var product = xs
      kernels.multiplyShiftedF64(&product, row, n, 0.5)
      #expect(zip(product, zip(xs, row)).allSatisfy { abs($0 - $1.0 * ($1.1 - 0.5)) <= $0.ulp })
      var (p, x) = (xs.map { Float($0) }, row.map { Float($0) })
      let expected = zip(p, x).map { $0 * ($1 - 0.5) }
      kernels.multiplyShiftedF32(&p, &x, n, 0.5)
      #expect(zip(p, expected).allSatisfy { abs($0 - $1) <= $1.ulp })
    }
  }
}
