import Checking
import Foundation
import PathAttention
import TensorFiles
import Testing

/// The tables of Fixtures/README.md are what stands in the files, and what comes out of them.
@Suite struct FixtureTableTests {
  /// The tables of Fixtures/README.md in order, as rows of cells without marks of emphasis and code.
  private func tables() throws -> [[[String]]] {
    try Page("Fixtures/README.md").tables.map { $0.map { $0.map { $0.replacing(/[*`]/, with: "") } } }
  }

  private func file(_ name: String) throws -> TensorFile {
    try TensorFile(path: Page.fixture(name))
  }

  @Test("Shapes, dtypes and scales are those of the files, real and generated")
  func shapes() throws {
    let tables = try tables()
    for row in tables[0] {
      let file = try file(row[0])
      let (q, v) = (file["q"]!.shape, file["v"]!.shape)
      #expect(
        Array(row[1..<6]) == [file["q"]!.dtype] + [q[0], q[1], q[2], v[2]].map(String.init), "\(row)")
      #expect(row[6] == String(q[3]) && q[3] == v[3], "\(row)")
      let scale = try #require(Double(file.metadata["scale"]!))
      #expect(row[7] == "1/\(Int((1 / scale).rounded()))", "\(row)")
    }
    for row in tables[3] {
      let file = try file("generated/\(row[0])")
      let (q, v) = (file["q"]!.shape, file["v"]!.shape)
      #expect(Array(row[1..<6]) == [q[1], q[2], v[2], q[3], v[3]].map(String.init), "\(row)")
    }
    let folder = Page.repository.appending(path: "Fixtures")
    let names = try ["", "generated/"].flatMap { place in
      try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: place).path)
        .filter { $0.hasSuffix(".safetensors") }.map { String($0.dropLast(".safetensors".count)) }
    }
    #expect(Set(names) == Set((tables[0] + tables[2] + tables[3]).map { $0[0] }))
  }

  /// The digits were computed in Python, by a program that shares nothing with this library.
  @Test("Errors of the real kernel are what the cross-check finds, digit for digit")
  func errors() throws {
    for row in try tables()[1] {
      let report = try crossCheck(CrossCheckRequest(inputs: Page.fixture(row[0]), studiesVariants: false))
      let found = report.tensors.map { String(format: "%.5g", $0.rmsRatio.value) }
      #expect(Array(row[1...]) == found, "\(row[0])")
    }
  }

  @Test("Disagreements of the real layer's paths are those of the files")
  func layers() throws {
    for row in try tables()[2] {
      let pairs = try checkLayer(LayerCheckRequest(file: Page.fixture(row[0]))).consistency
      #expect(pairs.map(\.tensors) == ["prefill", "decode_128", "decode_129"].map { ["out_full", "out_\($0)"] })
      let found = pairs.map { decimal($0.rmsRatio.value, $0.agrees ? 4 : 3) }
      #expect(Array(row[2...]) == found, "\(row[0])")
    }
  }
}
