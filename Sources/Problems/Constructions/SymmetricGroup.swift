import LinearAlgebra
import PathAttention

/// The word problem of S₅, solved by one head of PaTH attention with hand-set weights.
///
/// A word is a sequence of transpositions; the question after every letter is whether the product so far is the identity.
/// It is complete for NC¹, so a transformer with any of the usual encodings of position, which stays in TC⁰, is believed
/// to fail on long words. A reflection solves it: with w = (e_a − e_b)/√2 and β = 2, or w = e_a − e_b and β = 1, H swaps
/// coordinates a and b.
///
///     token 0            k = (1, 2, 3, 4, 5, 1), v = 1
///     token t = 1 … n    w swaps the two coordinates of letter t, k = 0, v = 0
///     every token t      q = t · (1, 2, 3, 4, 5, −54.5)
///
/// Carried to token t, the first key is (π(1), …, π(5), 1), so its logit (scale 1) is t (Σ i·π(i) − 54.5). By the
/// rearrangement inequality Σ i·π(i) is 55 if π is the identity and at most 54 otherwise: the logit is t/2 or at most −t/2,
/// against t logits of 0. The output is the weight of the first key, e^{t/2}/(e^{t/2} + t) > 1/2 or at most
/// e^{−t/2}/(e^{−t/2} + t) < 1/2.
///
/// ```swift
/// let word = SymmetricGroupWord([.init(0, 1), .init(1, 2), .init(0, 1)])
/// try word.answers()      // [true, false, false, false], the empty word first
/// ```
///
/// Source: the argument is that of Yang et al., “PaTH Attention”, arXiv 2505.16381, for tracking swaps of five elements; the
/// numbers are ours.
public struct SymmetricGroupWord: Sendable {
  /// The swap of two of five elements.
  public struct Transposition: Sendable, Hashable {
    /// The first, 0 … 4.
    public let a: Int
    /// The second, another.
    public let b: Int

    /// - Precondition: a and b are two different numbers from 0 to 4.
    public init(_ a: Int, _ b: Int) {
      precondition(a != b && (0..<5).contains(a) && (0..<5).contains(b), "(\(a) \(b)) is no transposition of S₅")
      self.a = a
      self.b = b
    }
  }

  /// The two ways to write the reflection that swaps two coordinates.
  public enum Weights: Sendable, CaseIterable {
    /// w = (e_a − e_b)/√2 and β = 2: the length that a layer gives to w.
    case unit
    /// w = e_a − e_b and β = 1: every number in the computation is a small multiple of 1/2, and so exact.
    case exact
  }

  /// The letters.
  public let letters: [Transposition]

  /// A word.
  public init(_ letters: [Transposition]) { self.letters = letters }

  /// The attention problem; its scale is 1.
  public func inputs(_ weights: Weights = .exact) throws(AttentionError) -> AttentionInputs<Double> {
    let ramp: [Double] = [1, 2, 3, 4, 5]
    let length = letters.count + 1
    let (size, β): (Double, Double) = weights == .exact ? (1, 1) : (0.5.squareRoot(), 2)
    return try AttentionInputs(
      shape: AttentionShape(length: length, queryHeads: 1, heads: 1, keyDim: 6, valueDim: 1),
      q: (0..<length).flatMap { t in (ramp + [-54.5]).map { Double(t) * $0 } },
      k: ramp + [1] + [Double](repeating: 0, count: 6 * letters.count),
      v: [1] + letters.map { _ in 0 },
      w: [Double](repeating: 0, count: 6)
        + letters.flatMap { letter in (0..<6).map { $0 == letter.a ? size : $0 == letter.b ? -size : 0 } },
      beta: [Double](repeating: β, count: length))
  }

  /// Whether the product of the first t letters is the identity, for t = 0 … n, as attention says it.
  public func answers(
    _ weights: Weights = .exact, form: AttentionForm = .blockwise()
  ) throws(AttentionError) -> [Bool] {
    try attention(inputs(weights), AttentionFunction(scale: 1), AttentionExecution(form: form)).o.entries.map {
      $0 > 0.5
    }
  }

  /// π(1), …, π(5) after the first t letters, for t = 0 … n, by swapping the numbers themselves.
  public func products() -> [[Int]] {
    letters.reduce(into: [[1, 2, 3, 4, 5]]) { products, letter in
      var next = products.last!
      next.swapAt(letter.a, letter.b)
      products.append(next)
    }
  }
}
