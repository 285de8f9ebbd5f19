import LinearAlgebra
import PathAttention

/// A problem of any length that has to come out exactly in single precision, so that results are compared bit for bit.
///
/// The vectors w are drawn from the 24 vectors ±e_a and ½(±1, ±1, ±1, ±1) of a quadruple of lanes, and β from 0 and 2. The 24
/// vectors are a root system (D₄): reflecting one in another gives a third. So
///
/// - a product of reflections maps each e_a to one of the 24: its entries are 0, ±½ or ±1, however many tokens it spans, and
///   for integer q and k every carried query and key has entries in ½ℤ, no longer than at the start; logits A are in ½ℤ;
/// - u_t = β_t w_t H_{t−1} … H_first is 0 or twice a root; T_ts = −β_t β_s w_t H_{t−1} … H_{s+1} w_sᵀ is 0, ±2 or ±4;
///   (M⁻¹)_ts = −β_t w_t H_{t−1} … H_{s+1} w_sᵀ is 0, ±1 or ±2; T stril(W Kᵀ) = β_t w_t H_{t−1} … H_{j+1} k_jᵀ is an integer.
///
/// All sums that a form takes have terms in ¼ℤ of bounded size, and L of them stay far below 2²⁴ quarters: they are exact in
/// Float32 in any order, in any block size. The scale is 2¹¹, so logits of one row differ by 0 or by at least 2¹⁰, and exp of
/// such a difference is 1 or 0 in every format: P is 1/n for the n keys that share the largest logit of the row, and 0
/// elsewhere. Queries are zero where the row has 2ᵃ keys, which makes n = 2ᵃ there; in the other rows n is what it is.
///
/// - o is exact where n is a power of two, lse where n = 1.
/// - do and dlse are small integers, and zero but in a few rows where n is a power of two up to 8, so that every gradient is
///   a sum of few dyadic numbers, exact in every entry.
public struct ExactFixture: Sendable {
  /// The problem, with both cotangents.
  public let attentionCase: AttentionCase
  /// What the definition gives in Double.
  public let expected: [AttentionTensor: [Double]]
  /// For every output and gradient, which entries are exact in single precision.
  public let exactEntries: [AttentionTensor: [Bool]]

  /// A fixture.
  ///
  /// - Parameters:
  ///   - length: Tokens, up to 512.
  ///   - queryHeads: Query heads, a multiple of `heads`.
  ///   - heads: Key/value heads.
  ///   - quadruples: Lanes of q, k and w, divided by 4.
  ///   - valueDim: Lanes of v.
  ///   - gate: How the gate enters, or nil for none. Gates are 0 and now and then −1 (scaled) or −2¹¹.
  ///   - seed: Where the random numbers start.
  /// - Throws: `AttentionError` when a size makes no sense.
  public init(
    length: Int, queryHeads: Int = 2, heads: Int = 1, quadruples: Int = 2, valueDim: Int = 3,
    gate: GateConvention? = nil, seed: UInt64 = 1
  ) throws {
    guard length <= 512 else {
      throw AttentionError.option(name: "length", expected: "at most 512", found: "\(length)")
    }
    let shape = AttentionShape(
      length: length, queryHeads: queryHeads, heads: heads, keyDim: 4 * quadruples, valueDim: valueDim)
    try shape.validate()
    func integers(_ tensor: AttentionTensor, _ range: ClosedRange<Int>) -> [Double] {
      var random = SeededGenerator(seed: seed, part: "exact \(tensor)")
      return (0..<shape.count(of: tensor)).map { _ in Double(Int.random(in: range, using: &random)) }
    }
    let row = queryHeads * shape.keyDim
    let q = integers(.q, -2...2).enumerated().map { ($0 / row + 1).isPowerOfTwo ? 0 : $1 }
    let step = gate == .unscaled ? -Self.scale : -1
    let inputs = try AttentionInputs(
      shape: shape, q: q, k: integers(.k, -2...2), v: integers(.v, -4...4), w: Self.roots(shape, seed),
      beta: integers(.beta, 0...7).map { $0 == 0 ? 0 : 2 },
      g: gate.map { _ in integers(.g, 0...31).map { $0 == 0 ? step : 0 } })
    var attentionCase = AttentionCase(inputs, scale: Self.scale, gate: gate ?? .scaled)
    let ties = try Self.ties(attentionCase)
    // Every eighth row has a cotangent, if it may.
    let hasCotangent = ties.enumerated().map { $0 / queryHeads % 8 == 7 && $1.isPowerOfTwo && $1 <= 8 }
    attentionCase.outputCotangent = integers(.do, -2...2).enumerated().map { hasCotangent[$0 / valueDim] ? $1 : 0 }
    attentionCase.lseCotangent = integers(.lse, -2...2).enumerated().map { hasCotangent[$0] ? $1 : 0 }
    self.attentionCase = attentionCase
    expected = try Implementation(.sequentialProduct).evaluate(attentionCase)

    var exact: [AttentionTensor: [Bool]] = [
      .o: ties.flatMap { Array(repeating: $0.isPowerOfTwo, count: valueDim) }, .lse: ties.map { $0 == 1 },
    ]
    for tensor in inputs.tensors.map(\.tensor.gradient!) {
      exact[tensor] = Array(repeating: true, count: shape.count(of: tensor))
    }
    exactEntries = exact
  }

  /// The first entry of each tensor that should be exact and is not what the definition gives in Double; empty if the
  /// implementation is exact.
  ///
  /// - Parameter implementation: What is checked, in whatever precision of at least 24 bits.
  /// - Throws: `ImplementationError` when a tensor is missing or has the wrong size; what `implementation` throws.
  public func mismatches(of implementation: Implementation) throws -> [AttentionTensor: Place] {
    let found = try implementation.evaluate(attentionCase)
    var mismatches: [AttentionTensor: Place] = [:]
    for (tensor, exact) in exactEntries {
      let entries = try found.entries(tensor, count: exact.count, of: implementation)
      let wrong = exact.indices.first { exact[$0] && entries[$0] != expected[tensor]![$0] }
      if let wrong { mismatches[tensor] = Place(wrong, of: tensor, in: attentionCase.inputs.shape) }
    }
    return mismatches
  }

  private static let scale = 0x1p11

  /// Random roots, each in one quadruple of lanes.
  private static func roots(_ shape: AttentionShape, _ seed: UInt64) -> [Double] {
    var random = SeededGenerator(seed: seed, part: "exact w")
    return (0..<shape.tokens * shape.heads).flatMap { _ -> [Double] in
      var lanes = [Double](repeating: 0, count: shape.keyDim)
      let first = 4 * Int.random(in: 0..<shape.keyDim / 4, using: &random)
      func sign() -> Double { Bool.random(using: &random) ? 1 : -1 }
      // 8 of the 24 roots are ±e_a.
      if Int.random(in: 0..<3, using: &random) == 0 {
        lanes[first + Int.random(in: 0..<4, using: &random)] = sign()
      } else {
        for lane in first..<first + 4 { lanes[lane] = sign() / 2 }
      }
      return lanes
    }
  }

  /// How many keys share the largest logit of each row, in the layout of lse.
  private static func ties(_ attentionCase: AttentionCase) throws(AttentionError) -> [Int] {
    let inputs = attentionCase.inputs
    let table = try logits(
      inputs, AttentionFunction(scale: scale, gate: attentionCase.function.gate), form: .sequentialProduct)
    return (0..<inputs.shape.length).flatMap { i in
      (0..<inputs.shape.queryHeads).map { head in
        let row = (0...i).map { table[0, head][i, $0] }
        let largest = row.max()!
        return row.count { $0 == largest }
      }
    }
  }
}

extension Int {
  fileprivate var isPowerOfTwo: Bool { self > 0 && self & (self - 1) == 0 }
}
