import LinearAlgebra
import PathAttention

/// A memory of one bit, built from one head of PaTH attention with hand-set weights: the flip-flop language.
///
/// A program writes bits, ignores others, and asks for the bit that was written last. With β = 1, H = I − wᵀw projects: what
/// a key has in the direction of w is gone for good. All keys of written bits point in one direction, and every write
/// erases it in all keys before its own:
///
///     write b    k = e, w = e, β = 1, v = ±1
///     others     k = 0, β = 0, v = 0
///     token t    q = (t + 1) e
///
/// So after t + 1 tokens the last write has logit t + 1 (scale 1), and every other token has logit 0. Even if all t others
/// were writes of the other bit, e^{t+1} > t: the sign of the output is that of the last write, and it is 0 before the
/// first.
///
/// ```swift
/// try FlipFlop([.write(true), .ignore(false), .read]).answers()      // [true, true, true]
/// ```
///
/// Source: the language is that of Liu et al., arXiv 2306.00946; that PaTH solves it is from Yang et al., arXiv 2505.16381.
public struct FlipFlop: Sendable {
  /// One token of a program.
  public enum Instruction: Sendable, Hashable {
    /// Remember a bit.
    case write(Bool)
    /// A bit that does not matter.
    case ignore(Bool)
    /// What was written last?
    case read
  }

  /// The program.
  public let program: [Instruction]

  /// A program.
  public init(_ program: [Instruction]) { self.program = program }

  /// The attention problem; its scale is 1. Lane 0 is the direction e; lane 1 holds the ignored bits, which no query sees.
  public func inputs() throws(AttentionError) -> AttentionInputs<Double> {
    var (k, v, w, beta): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
    for instruction in program {
      switch instruction {
      case .write(let bit):
        k += [1, 0]
        v.append(bit ? 1 : -1)
        beta.append(1)
      case .ignore(let bit):
        k += [0, bit ? 1 : -1]
        v.append(0)
        beta.append(0)
      case .read:
        k += [0, 0]
        v.append(0)
        beta.append(0)
      }
      w += [1, 0]
    }
    return try AttentionInputs(
      shape: AttentionShape(length: program.count, queryHeads: 1, heads: 1, keyDim: 2, valueDim: 1),
      q: program.indices.flatMap { [Double($0 + 1), 0] }, k: k, v: v, w: w, beta: beta)
  }

  /// The bit that was written last, after every token, as attention says it; nil before the first write.
  public func answers(form: AttentionForm = .blockwise()) throws(AttentionError) -> [Bool?] {
    try attention(inputs(), AttentionFunction(scale: 1), AttentionExecution(form: form)).o.entries.map {
      $0 == 0 ? nil : $0 > 0
    }
  }

  /// The same by remembering it.
  public func lastWrites() -> [Bool?] {
    var last: Bool?
    return program.map { instruction in
      if case .write(let bit) = instruction { last = bit }
      return last
    }
  }
}
