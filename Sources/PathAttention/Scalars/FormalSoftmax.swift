import LinearAlgebra

// The softmax as a formal computation over a field: exp is an arbitrary function into the units, and the pivot an arbitrary
// choice. The online softmax, its rescaling and its backward pass are right for every such function, because they use
// nothing of exp but exp(s − m) = exp(s) / exp(m) and exp′ = exp; over the prime field they can be compared exactly.

/// The exponential of s is (s + 1)¹⁷. 17 is the smallest prime that does not divide p − 1, so this is a bijection of the
/// prime field: uniformly random logits that are independent along a row have exponentials that are so too. And it is not
/// odd, or a row with logits s and −s, such as reflections make, would have weights that sum to zero.
private let formalPower = 17

extension PrimeField: SoftmaxScalar {
  /// (s + 1)¹⁷; of −1, where that is not a unit, 1.
  private var formalExponential: Self {
    let base = self + .one
    return base == .zero ? .one : (0..<formalPower).reduce(.one) { product, _ in product * base }
  }

  /// The quotient.
  ///
  /// - Precondition: y is not zero, which at a random point has a probability of about 1/p.
  public static func / (x: Self, y: Self) -> Self { x * y.inverse }

  /// Either of the two, by a rule that has no meaning: about half of the time the later one, so that sums are rescaled
  /// often.
  public static func pivot(_ s: Self, _ t: Self) -> Self { (s.residue ^ t.residue) & 2 == 0 ? s : t }

  /// e_s / e_m.
  public static func exponential(_ s: Self, minus m: Self) -> Self { s.formalExponential / m.formalExponential }

  /// s_j ← e_{s_j} / e_m along a row; the sum of the row. One inverse for the whole row.
  public static func exponentiate(_ row: UnsafeMutableBufferPointer<Self>, minus m: Self) -> Self {
    let reciprocal = m.formalExponential.inverse
    var sum = Self.zero
    for j in 0..<row.count {
      row[j] = row[j].formalExponential * reciprocal
      sum += row[j]
    }
    return sum
  }

  /// e_m · l: there is no logarithm, so this is the formal exponential of what it stands for.
  public static func logSumExp(pivot m: Self, sum l: Self) -> Self { m.formalExponential * l }
}

extension Degree: SoftmaxScalar {
  /// (s + 1)¹⁷.
  private var formalExponential: Self {
    Self(numerator: formalPower * (numerator ?? 0), denominator: formalPower * denominator)
  }

  /// The one of larger degree, so that the bound holds for every choice.
  public static func pivot(_ s: Self, _ t: Self) -> Self { s.numerator ?? 0 > t.numerator ?? 0 ? s : t }

  /// e_s / e_m.
  public static func exponential(_ s: Self, minus m: Self) -> Self { s.formalExponential / m.formalExponential }

  /// e_m · l, as over the prime field.
  public static func logSumExp(pivot m: Self, sum l: Self) -> Self { m.formalExponential * l }
}
