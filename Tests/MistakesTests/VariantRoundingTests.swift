import Mistakes
import PathAttention
import Problems
import Synchronization
import Testing

/// The program of variants with emulated rounding: that it rounds where a kernel does.
@Suite struct VariantRoundingTests {
  private static let line = "B1 T11 HQ2 H1 K4 V3 block=4 cu=0,2,11 beta=uniform gate=scaled.strong seed=7"

  /// Multiples of 1/64.
  private static func isOnGrid(_ x: Double) -> Bool { x * 64 == (x * 64).rounded() }

  /// What the definition's program computes from inputs on the grid, with rounding to it at some points.
  private func evaluate(
    roundingAt points: Set<RoundingPoint>,
    inspect: @escaping @Sendable (UnsafeMutableBufferPointer<Double>, RoundingPoint) -> Void = { _, _ in }
  ) throws -> [AttentionTensor: [Double]] {
    let problem = try Problem(line: Self.line)
    let given = try problem.inputs()
    @Sendable func round(_ x: Double) -> Double { (x * 64).rounded() / 64 }
    let inputs = try AttentionInputs(
      shape: problem.shape, q: given.q.entries.map(round), k: given.k.entries.map(round),
      v: given.v.entries.map(round), w: given.w.entries.map(round), beta: given.beta.entries.map(round),
      g: given.g!.entries.map(round), segmentBoundaries: problem.segmentBoundaries)
    let rounding = EmulatedRounding(sumLength: 2) { row, point in
      inspect(row, point)
      guard points.contains(point) else { return }
      for j in 0..<row.count { row[j] = round(row[j]) }
    }
    return try VariantCatalogue.nominal.evaluate(
      AttentionCase(inputs, gate: problem.convention, outputCotangent: problem.outputCotangent().map(round)),
      blockSize: problem.blockSize, rounding: rounding)
  }

  @Test("Results are rounded as they are written")
  func results() throws {
    let tensors = try evaluate(roundingAt: [.o, .lse, .dq, .dk, .dv, .dw, .dbeta, .dg])
    #expect(tensors.count == 8)
    for (tensor, entries) in tensors { #expect(entries.allSatisfy(Self.isOnGrid), "\(tensor), \(Self.line)") }
  }

  @Test("Sums are rounded as they are kept, also those of triangular solves")
  func sums() throws {
    let off = Mutex(0)
    // All that products of the forward pass are taken of, but for weights: inputs and sums.
    let operands: Set<RoundingPoint> = [.gramReflections, .blockProducts, .carriedX, .R]
    _ = try evaluate(roundingAt: [.accumulators]) { row, point in
      guard operands.contains(point) else { return }
      off.withLock { $0 += row.count { !Self.isOnGrid($0) } }
    }
    #expect(off.withLock { $0 } == 0, "numbers that no accumulator holds, \(Self.line)")
  }

  @Test("Cotangents are rounded as they enter products: that moves dq, dk, dw and dβ, and nothing else")
  func cotangents() throws {
    // do is on the grid; dv and dS are products of it, and dg are sums of dS.
    let moved: Set<AttentionTensor> = [.dq, .dk, .dw, .dbeta]
    let exact = try evaluate(roundingAt: [])
    for (tensor, entries) in try evaluate(roundingAt: [.blockCotangents]) {
      let difference = zip(entries, exact[tensor]!).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(moved.contains(tensor) ? difference > 1e-4 : difference < 1e-12, "\(tensor): \(difference), \(Self.line)")
    }
  }
}
