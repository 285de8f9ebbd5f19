import PathAttention
import Problems

/// What is to be timed: every combination of form, pass, element type and length.
public struct BenchmarkRequest: Sendable {
  /// The forms.
  public var forms: [AttentionForm]
  /// The passes.
  public var passes: [BenchmarkPass]
  /// The element types.
  public var elementTypes: [BenchmarkElementType]
  /// Tokens of the one sequence.
  public var lengths: [Int]
  /// Query heads.
  public var queryHeads: Int
  /// Key/value heads.
  public var heads: Int
  /// Lanes of q, k, v and w.
  public var headDim: Int
  /// Threads.
  public var threads: Int
  /// Timed runs of each combination, after one that is not timed. The median counts.
  public var repeats: Int
  /// Whether the problems have a forget gate.
  public var gated: Bool
  /// The seed of the problems.
  public var seed: UInt64

  /// A request.
  public init(
    forms: [AttentionForm], passes: [BenchmarkPass], elementTypes: [BenchmarkElementType], lengths: [Int],
    queryHeads: Int = 4, heads: Int = 2, headDim: Int = 64, threads: Int, repeats: Int = 5, gated: Bool = false,
    seed: UInt64 = 1
  ) {
    self.forms = forms
    self.passes = passes
    self.elementTypes = elementTypes
    self.lengths = lengths
    self.queryHeads = queryHeads
    self.heads = heads
    self.headDim = headDim
    self.threads = threads
    self.repeats = repeats
    self.gated = gated
    self.seed = seed
  }
}

extension BenchmarkRequest {
  /// That of the largest combination.
  public var memoryEstimate: MemoryEstimate {
    var largest = MemoryEstimate(bytes: 0)
    for (type, form, length) in elementTypes.flatMap({ type in
      forms.flatMap { form in lengths.map { (type, form, $0) } }
    }) {
      let size = type == .f32 ? 4.0 : 8.0
      let sizes = ProblemSizes(
        AttentionShape(length: length, queryHeads: queryHeads, heads: heads, keyDim: headDim, valueDim: headDim))
      let isBackward = passes.contains(.forwardBackward)
      // Inputs are made from a list of numbers. Beside them, each thread has matrices to multiply.
      largest = .max(
        largest,
        .pass(sizes, form, backward: isBackward, scalarSize: size, threads: threads)
          + MemoryEstimate(bytes: size * (sizes.all + Double(threads) * 3 * 512 * 512)))
    }
    return .base + largest
  }
}

/// What one timed run does.
public enum BenchmarkPass: String, CaseIterable, Sendable, Codable {
  /// o and lse.
  case forward
  /// o and lse, then all gradients.
  case forwardBackward

  /// The floating-point operations that plain causal attention needs per pair of query and key with lanes d: two products
  /// forward (Q Kᵀ, P V), five more backward (Q Kᵀ again, dO Vᵀ, Pᵀ dO, dS K, dSᵀ Q), of 2 d each.
  package func operations(headDim: Int) -> Double {
    Double(2 * headDim) * (self == .forward ? 2 : 7)
  }
}

/// The scalar type that is timed.
public enum BenchmarkElementType: String, CaseIterable, Sendable, Codable {
  /// Float.
  case f32
  /// Double.
  case f64
}
