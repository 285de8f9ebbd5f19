import Evidence
import Foundation
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import TestFiles
import Testing

/// The drift of a cache that is rounded at every step.
@Suite struct CacheDriftTests {
  @Test("In bfloat16 keys drift like the square root of the number of steps, and not at all in Float64")
  func growth() throws {
    // Reflections with β = 2 keep the length of keys, so nothing hides the drift.
    let inputs = try Problem(line: "B1 T1024 HQ1 H1 K64 V4 beta=two seed=41").inputs()
    let drifts = try cacheDrift(of: inputs, format: .bfloat16, at: [1, 64, 256, 1024])
    #expect(drifts.map(\.steps) == [1, 64, 256, 1024])
    #expect(drifts[0].oldestKeys == 0)
    for drift in drifts.dropFirst() {
      // 0.4 u √n: rounding errors of the entries are independent and uniform in size, and u = 2⁻⁸.
      let expected = 0.41 * 0x1p-8 * Double(drift.steps - 1).squareRoot()
      #expect(abs(drift.oldestKeys / expected - 1) < 0.15, "\(drift)")
      #expect(drift.allKeys < drift.oldestKeys, "\(drift)")
      #expect(drift.outputs > 0, "\(drift)")
    }
    let exact = try cacheDrift(of: inputs, format: .float64, at: [256])[0]
    #expect(exact.oldestKeys == 0 && exact.allKeys == 0 && exact.outputs == 0)
    let single = try cacheDrift(of: inputs, format: .float32, at: [256])[0]
    #expect(single.oldestKeys > 0 && single.oldestKeys < 1e-6)
  }

  @Test("The table of Docs/Inference.md is what the function gives, to 5 %")
  func documentedTable() throws {
    let text = try String(contentsOf: TestFiles.repository.appending(path: "Docs/Inference.md"), encoding: .utf8)
    // Rows of ten numbers: the steps, and three errors for each of three formats.
    let rows = text.split(separator: "\n").map {
      $0.split(separator: "|").compactMap { Double($0.filter { $0 != " " }) }
    }
    .filter { $0.count == 10 }
    #expect(rows.count == 5)
    let inputs = try Problem(line: "B1 T1024 HQ1 H1 K64 V64 beta=two seed=1").inputs()
    for (index, format) in [NumberFormat.bfloat16, .float16, .float32].enumerated() {
      let drifts = try cacheDrift(of: inputs, format: format, at: rows.map { Int($0[0]) })
      for (row, drift) in zip(rows, drifts) {
        for (documented, found) in zip(row[(1 + 3 * index)...], [drift.oldestKeys, drift.allKeys, drift.outputs]) {
          #expect(abs(documented / found - 1) < 0.05, "\(format) \(drift)")
        }
      }
    }
  }

  @Test("More than one sequence is refused")
  func errors() throws {
    let inputs = try Problem(line: "B2 T4 HQ1 H1 K2 V2 seed=1").inputs()
    #expect(throws: AttentionError.cache(expected: "1 sequence", found: "2")) {
      try cacheDrift(of: inputs, format: .bfloat16, at: [1])
    }
  }
}
