import Evidence
import Foundation
import PathAttention
import Problems
import TestFiles
import Testing

/// The memory of a benchmark, estimated and measured.
@Suite struct BenchmarkMemoryTests {
  @Test("Estimates are above the peaks that the page on time has measured, and not by much")
  func measured() throws {
    let path = TestFiles.repository.appending(path: "Docs/Figures/performance.json")
    let report = try JSONDecoder().decode(BenchmarkReport.self, from: Data(contentsOf: path))
    for result in report.results where result.peakBytes > 0 {
      let form: AttentionForm =
        switch result.form {
        case "sequential": .sequentialProduct
        case "wy": .compactWY
        default: .blockwise(blockSize: result.blockSize!, levels: result.levels!)
        }
      let request = BenchmarkRequest(
        forms: [form], passes: [result.pass], elementTypes: [result.dtype], lengths: [result.length],
        queryHeads: result.queryHeads, heads: result.heads, headDim: result.headDim, threads: result.threads)
      let ratio = request.memoryEstimate.bytes / Double(result.peakBytes)
      #expect((1...2.5).contains(ratio), "\(form) \(result.pass) \(result.dtype) T \(result.length): \(ratio)")
    }
  }
}
