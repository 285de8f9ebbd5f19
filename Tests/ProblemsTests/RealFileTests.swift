import Foundation
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

/// The three forms on what a real kernel was given.
@Suite struct RealFileTests {
  @Test("On the file of 256 tokens the three forms agree to 1e-13 of the norm, in outputs and gradients")
  func formsAgree() throws {
    let file = try TensorFile(path: TestFiles.fixtures.appending(path: "fla-gate-bf16-t256-d64.safetensors").path)
    let shape = AttentionShape(length: 256, queryHeads: 4, heads: 2, keyDim: 64, valueDim: 64)
    let inputs = try AttentionInputs(
      shape: shape, q: file.doubles("q"), k: file.doubles("k"), v: file.doubles("v"), w: file.doubles("w"),
      beta: file.doubles("beta"), g: file.doubles("g"))
    let attentionCase = AttentionCase(inputs, scale: 0.125, outputCotangent: try file.doubles("do"))
    let expected = try Implementation(.sequentialProduct).evaluate(attentionCase)
    for form in [.compactWY, .blockwise(), .blockwise(levels: 0), .blockwise(blockSize: 7)] as [AttentionForm] {
      let found = try Implementation(form).evaluate(attentionCase)
      #expect(Set(found.keys) == Set(expected.keys))
      for (tensor, entries) in expected {
        let difference = zip(entries, found[tensor]!).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let norm = entries.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(difference <= 1e-13 * norm, "\(form): \(tensor) differs by \(difference / norm)")
      }
    }
  }
}
