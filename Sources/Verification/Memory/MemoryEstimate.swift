import Foundation
import PathAttention
import TensorFiles

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
  static let base = MemoryEstimate(bytes: 6e7)

  static func + (a: Self, b: Self) -> Self { Self(bytes: a.bytes + b.bytes) }
  static func * (factor: Double, a: Self) -> Self { Self(bytes: factor * a.bytes) }
  static func max(_ a: Self, _ b: Self) -> Self { a.bytes < b.bytes ? b : a }
}

/// The sizes of a problem, as numbers that do not overflow.
package struct ProblemSizes {
  let tokens, queryHeads, heads, keyDim, valueDim: Double
  /// The longest segment.
  let longest: Double
  let segments: Double

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
  var inputs: Double { tokens * (queryHeads * (keyDim + 1) + heads * (2 * keyDim + valueDim + 1)) }
  /// Entries of o and lse.
  var outputs: Double { tokens * queryHeads * (valueDim + 1) }
  /// Entries of everything: inputs, do, outputs, gradients.
  var all: Double { 2 * (inputs + outputs) }
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

  /// A cross-check: the tensors as they are read, the reference, one run at a time, and of the runs the errors of the rows.
  ///
  /// - Parameters:
  ///   - entries: How many numbers the files have.
  ///   - form: That of the reference.
  ///   - blockSize: Rows per block of the runs.
  ///   - studiesVariants: Whether variants are run, several at a time, on a part of the problem.
  package static func check(
    _ sizes: ProblemSizes, entries: Double, form: AttentionForm, blockSize: Int, backward: Bool, studiesVariants: Bool
  ) -> MemoryEstimate {
    let runs = pass(sizes, .blockwise(blockSize: blockSize, levels: 0), backward: backward)
    let reference = pass(sizes, form, backward: backward)
    let variants =
      studiesVariants
      ? MemoryEstimate(bytes: 8 * 16 * Double(VariantGallery.largestWork)) + variant(sizes, backward: backward)
      : MemoryEstimate(bytes: 0)
    return base + MemoryEstimate(bytes: 8 * (2 * entries + 2 * sizes.all)) + max(max(runs, reference), variants)
  }

  /// One variant on each thread, on a part with at most so many logits.
  private static func variant(_ sizes: ProblemSizes, backward: Bool) -> MemoryEstimate {
    let threads = Double(ProcessInfo.processInfo.activeProcessorCount)
    let longest = Swift.min(sizes.longest, (Double(VariantGallery.largestWork) / sizes.queryHeads).squareRoot() + 1)
    let blocks = (longest / 16).rounded(.up)
    return MemoryEstimate(bytes: 8 * threads * blocks * sizes.keyDim * sizes.keyDim * (backward ? 6 : 2))
  }
}

extension TensorDescriptor {
  /// How many numbers it has.
  var entries: Double { shape.reduce(1) { $0 * Double($1) } }
}
