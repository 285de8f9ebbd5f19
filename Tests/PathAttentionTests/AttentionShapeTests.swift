import PathAttention
import Testing

/// Sizes as a hostile file may claim them: with a 0 among them they need no bytes at all.
@Suite struct AttentionShapeTests {
  private func make(_ shape: AttentionShape) throws -> AttentionInputs<Double> {
    try AttentionInputs(shape: shape, q: [], k: [], v: [], w: [], beta: [])
  }

  @Test("Sizes whose product cannot be counted are an error, also where one of them is 0")
  func tooLarge() {
    let large = 1 << 40
    for shape in [
      AttentionShape(batch: large, length: large, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1),
      AttentionShape(batch: 0, length: large, queryHeads: large, heads: 1, keyDim: 1, valueDim: 1),
      AttentionShape(batch: 1, length: 0, queryHeads: large, heads: large, keyDim: large, valueDim: 1),
      AttentionShape(batch: 1, length: 0, queryHeads: large, heads: large, keyDim: 1, valueDim: large),
      AttentionShape(batch: .max, length: 1, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1),
    ] {
      #expect(throws: AttentionError.tooLarge(shape)) { try make(shape) }
    }
  }

  @Test("2⁴⁰ sequences of no tokens, and no sequences of 2⁴⁰ tokens, are empty")
  func empty() throws {
    for (batch, length) in [(1 << 40, 0), (0, 1 << 40)] {
      let shape = AttentionShape(batch: batch, length: length, queryHeads: 2, heads: 1, keyDim: 3, valueDim: 2)
      for form in [.sequentialProduct, .compactWY, .blockwise()] as [AttentionForm] {
        let outputs = try attention(make(shape), AttentionExecution(form: form))
        #expect(outputs.o.entries.isEmpty && outputs.lse.entries.isEmpty)
      }
    }
  }
}
