import BigInt
import LinearAlgebra
import Problems
import Testing

/// Arithmetic modulo 2⁶¹ − 1 against integers of any size.
@Suite struct PrimeFieldTests {
  static let p = BigInt(PrimeField.modulus)

  /// Residues at which carries and folds are decided, and random ones.
  static let residues: [UInt64] = {
    var random = SeededGenerator(seed: 1, part: "residues")
    let p = PrimeField.modulus
    let edges: [UInt64] = [
      0, 1, 2, 3, p - 1, p - 2, p - 3, p / 2, p / 2 + 1, 1 << 32, (1 << 32) - 1, 1 << 60, (1 << 60) - 1,
    ]
    return edges + (0..<40).map { _ in random.fieldElement().residue }
  }()

  @Test("The modulus is the Mersenne prime 2⁶¹ − 1")
  func modulus() {
    #expect(Self.p == BigInt(2).power(61) - 1)
    // Lucas and Lehmer: 2ⁿ − 1 is prime if and only if it divides the term s_(n−2) of s ← s² − 2, s₀ = 4.
    var s = BigInt(4)
    for _ in 0..<59 { s = (s * s - 2) % Self.p }
    #expect(s == 0)
  }

  @Test("Sums, differences, products and negatives are those of the integers modulo p")
  func arithmetic() {
    for a in Self.residues {
      let x = PrimeField(a)
      #expect(BigInt(x.residue) == BigInt(a))
      #expect(BigInt((-x).residue) == (Self.p - BigInt(a)) % Self.p)
      for b in Self.residues {
        let y = PrimeField(b)
        #expect(BigInt((x + y).residue) == (BigInt(a) + BigInt(b)) % Self.p, "\(a) + \(b)")
        #expect(BigInt((x - y).residue) == (BigInt(a) - BigInt(b) + Self.p) % Self.p, "\(a) − \(b)")
        #expect(BigInt((x * y).residue) == BigInt(a) * BigInt(b) % Self.p, "\(a) · \(b)")
      }
    }
  }

  @Test("Every integer has its class, the least and the largest too")
  func classes() {
    let p = Int(PrimeField.modulus)
    for value in [0, 1, -1, p - 1, p, p + 1, -p, -p - 1, 2 * p, 2 * p + 1, 3 * p, -3 * p, Int.max, Int.min] {
      let remainder = BigInt(value) % Self.p
      #expect(BigInt(PrimeField(value).residue) == (remainder < 0 ? remainder + Self.p : remainder), "\(value)")
    }
    for value in [0, UInt64(p) - 1, UInt64(p), UInt64(p) + 1, 4 * UInt64(p), 7 * UInt64(p), 8 * UInt64(p), UInt64.max] {
      #expect(BigInt(PrimeField(value).residue) == BigInt(value) % Self.p, "\(value)")
    }
  }

  @Test("What is not zero has an inverse; zero stops the program")
  func inverse() async {
    for residue in Self.residues where residue != 0 {
      #expect(PrimeField(residue) * PrimeField(residue).inverse == .one, "\(residue)")
    }
    await #expect(processExitsWith: .failure) { _ = PrimeField.zero.inverse }
  }
}
