import Foundation
import PathAttention
import Problems
import TensorFiles

/// The files that tests read and write.
package enum TestFiles {
  /// The repository, from the place of this file.
  package static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What is kept for tests and readers.
  package static let fixtures = repository.appending(path: "Fixtures")

  /// The path of a file that does not exist yet, and is removed afterwards.
  package static func withTemporary<Result>(_ body: (_ path: String) throws -> Result) rethrows -> Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }
}

extension AttentionCase {
  /// A generated case as a kernel is given it: with gate, cotangent, scale and convention.
  package init(generated file: TensorFile) throws {
    let (q, v) = (file["q"]!.shape, file["v"]!.shape)
    let shape = AttentionShape(
      batch: q[0], length: q[1], queryHeads: q[2], heads: v[2], keyDim: q[3], valueDim: v[3])
    self.init(
      try AttentionInputs(
        shape: shape, q: file.doubles("q"), k: file.doubles("k"), v: file.doubles("v"), w: file.doubles("w"),
        beta: file.doubles("beta"), g: file.doubles("g"),
        segmentBoundaries: file["cu_seqlens"] == nil ? nil : file.integers("cu_seqlens")),
      scale: Double(file.metadata["scale"]!), gate: GateConvention(rawValue: file.metadata["gate"]!)!,
      outputCotangent: try file.doubles("do"))
  }
}
