import Checking
import PathAttention
import Problems
import Testing

/// The memory of a check, told from sizes.
@Suite struct CheckMemoryTests {
  @Test("Sizes of any magnitude give a finite estimate")
  func huge() {
    let huge = ProblemSizes(
      AttentionShape(batch: .max, length: .max, queryHeads: .max, heads: .max, keyDim: .max, valueDim: .max))
    let estimate = MemoryEstimate.check(
      huge, entries: 1e30, form: .compactWY, blockSize: .max, backward: true, studiesVariants: true)
    #expect(estimate.bytes.isFinite && estimate.bytes > 1e60)
  }
}
