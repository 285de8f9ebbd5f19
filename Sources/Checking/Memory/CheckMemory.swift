import Foundation
import Mistakes
import PathAttention
import Problems

extension MemoryEstimate {
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
