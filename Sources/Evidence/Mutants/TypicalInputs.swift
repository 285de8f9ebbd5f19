import PathAttention
import Problems

/// The inputs that kernels are usually tested on, after flash-linear-attention's tests/ops/test_path_attn.py: standard
/// normal q, k and v, random unit w, forget gates uniform in (0.95, 1), one lane count for keys and values.
///
/// Two cases, as there: one sequence with β uniform in (1.5, 2) and do uniform in (0, 1); and packed sequences with
/// β = σ(uniform in (0, 1)) and normal do. T = 200, four query heads on two key/value heads of 64 lanes; the sequences there
/// are longer, which changes nothing but the time.
public enum TypicalInputs {
  /// Rows per block that mutants work with on these.
  public static let blockSize = 64

  /// Both cases.
  ///
  /// - Parameter seed: Where the random numbers start.
  public static func cases(seed: UInt64) throws -> [AttentionCase] {
    let shape = AttentionShape(length: 200, queryHeads: 4, heads: 2, keyDim: 64, valueDim: 64)
    return try [false, true].map { isPacked in
      var random = SeededGenerator(seed: seed, part: isPacked ? "typical packed" : "typical")
      func numbers(_ tensor: AttentionTensor, _ number: () -> Double) -> [Double] {
        (0..<shape.dimensions(of: tensor).reduce(1, *)).map { _ in number() }
      }
      let normal = { random.normal() }
      let w = numbers(.w, normal)
      let inputs = try AttentionInputs(
        shape: shape, q: numbers(.q, normal), k: numbers(.k, normal), v: numbers(.v, normal),
        w: normalised(w, lanes: shape.keyDim),
        beta: numbers(.beta) { isPacked ? 1 / (1 + .exp(-random.uniform(0...1))) : random.uniform(1.5...2) },
        g: numbers(.g) { .log(random.uniform(0.95...1)) }, segmentBoundaries: isPacked ? [0, 15, 69, 142, 200] : nil)
      return AttentionCase(
        inputs, outputCotangent: numbers(.do) { isPacked ? random.normal() : random.uniform(0...1) })
    }
  }
}
