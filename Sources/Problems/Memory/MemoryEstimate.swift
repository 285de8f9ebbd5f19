import Foundation
import PathAttention

/// About how much memory something takes, told from sizes alone, before anything of it is allocated.
///
/// It counts what grows with the sizes: the tensors, the key side of the groups that are worked on at a time, tables of
/// logits, matrices of blocks. The numbers of copies are those of the code, held against measured peaks
/// (MemoryEstimateTests); the estimate is meant to be within a factor of two or three where it is large.
public struct MemoryEstimate: Sendable, Equatable {
  /// In bytes.
  public var bytes: Double

  /// So many bytes.
  public init(bytes: Double) { self.bytes = bytes }

  /// What the program takes anyway.
  package static let base = MemoryEstimate(bytes: 6e7)

  package static func + (a: Self, b: Self) -> Self { Self(bytes: a.bytes + b.bytes) }
  package static func * (factor: Double, a: Self) -> Self { Self(bytes: factor * a.bytes) }
  package static func max(_ a: Self, _ b: Self) -> Self { a.bytes < b.bytes ? b : a }
}

/// The sizes of a problem, as numbers that do not overflow.
package struct ProblemSizes {
  package let tokens, queryHeads, heads, keyDim, valueDim: Double
  /// The longest segment.
  package let longest: Double
  package let segments: Double

  /// - Parameters:
  ///   - longest: The longest segment; T when nil.
  ///   - segments: How many there are; B when nil.
  package init(_ shape: AttentionShape, longest: Int? = nil, segments: Int? = nil) {
    tokens = Double(shape.batch) * Double(shape.length)
    queryHeads = Double(shape.queryHeads)
    heads = Double(shape.heads)
    keyDim = Double(shape.keyDim)
    valueDim = Double(shape.valueDim)
    self.longest = Double(longest ?? shape.length)
    self.segments = Double(segments ?? shape.batch)
  }

  /// Entries of q, k, v, w, β and g, and as many of their gradients.
  package var inputs: Double { tokens * (queryHeads * (keyDim + 1) + heads * (2 * keyDim + valueDim + 1)) }
  /// Entries of o and lse.
  package var outputs: Double { tokens * queryHeads * (valueDim + 1) }
  /// Entries of everything: inputs, do, outputs, gradients.
  package var all: Double { 2 * (inputs + outputs) }
}

extension MemoryEstimate {
  /// A forward pass, and a backward one.
  ///
  /// - Parameters:
  ///   - scalarSize: Bytes of a number.
  ///   - threads: As many groups (segment × key/value head) are worked on at a time.
  package static func pass(
    _ sizes: ProblemSizes, _ form: AttentionForm, backward: Bool, scalarSize: Double = 8,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) -> MemoryEstimate {
    let (L, K, V) = (sizes.longest, sizes.keyDim, sizes.valueDim)
    let threads = Double(threads)
    let groups = min(threads, sizes.segments * sizes.heads)
    // Backward, each of up to four shares collects cotangents of the key side.
    let keySide = L * (2 * K + V + 8)
    var entries: Double
    switch form {
    case .sequentialProduct:
      entries = groups * keySide * (backward ? 5 : 1) + threads * L * (K + 4)
    case .compactWY:
      // Tables of L × L numbers: M, Z, and those of the logits.
      entries = groups * (L * L * (backward ? 9 : 5) + 4 * keySide)
    case .blockwise(let blockSize, let levels):
      let rows = Swift.min(Double(blockSize), L)
      let blocks = (L / rows).rounded(.up)
      // Every level of runs has the keys carried to its ends; together, the levels have twice as many R as there are blocks.
      let levels = Swift.min(Double(levels), Foundation.log2(blocks).rounded(.up))
      let piece = rows * Swift.min(4, Foundation.exp2(levels))
      let runs = blocks * K * K * (levels > 0 ? 2 : 1) + L * K * (levels + 1)
      let own = L * (4 * rows + 3 * K)
      entries = groups * (runs + own) * (backward ? 3 : 1)
      entries += threads * (piece * (Swift.max(rows, 256) + (backward ? L / piece + 4 : 4) * K) + rows * rows)
    }
    // Statistics of every row, and what belongs to every head of every segment, however short.
    entries += sizes.inputs + sizes.outputs + (backward ? sizes.inputs + sizes.outputs : 0)
    return MemoryEstimate(bytes: scalarSize * entries + 256 * sizes.segments * sizes.queryHeads)
  }
}
