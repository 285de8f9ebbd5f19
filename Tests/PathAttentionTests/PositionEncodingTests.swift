import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The neighbours against their own formulas.
@Suite struct NeighbourTests {
  private let line = "B1 T9 HQ4 H2 K6 V3 cu=0,4,4,9 beta=uniform gate=unscaled.strong seed=31"

  /// Row vectors of one head, to be written out by hand.
  private func head(_ tensor: TokenTensor<Double>, _ segment: Range<Int>, _ head: Int) -> [[Double]] {
    let window = tensor.window(segment, head: head)
    return (0..<window.rows).map { Array(window.row($0)) }
  }

  private func check(
    _ neighbour: PositionEncoding, _ logit: (_ q: [Double], _ k: [Double], Int, Int, _ c: [Double], Int) -> Double
  ) throws {
    let inputs = try Problem(line: line).inputs()
    let table = try neighbour.logits(inputs)
    let outputs = try neighbour.attention(inputs)
    for (index, segment) in inputs.segments.enumerated() {
      for queryHead in 0..<4 {
        let (Q, K) = (head(inputs.q, segment, queryHead), head(inputs.k, segment, queryHead / 2))
        let V = head(inputs.v, segment, queryHead / 2)
        var c: [Double] = []
        for t in segment { c.append((c.last ?? 0) + inputs.g!.matrix[t, queryHead]) }
        for i in Q.indices {
          let row = (0...i).map { logit(Q[i], K[$0], i, $0, c, queryHead) }
          for (j, expected) in row.enumerated() {
            let error = abs(table[index, queryHead][i, j] - expected)
            #expect(error < 1e-13 * max(1, abs(expected)), "\(neighbour) \(i) \(j)")
          }
          let sum = row.reduce(0) { $0 + .exp($1) }
          for lane in 0..<3 {
            var o = 0.0
            for j in row.indices { o += .exp(row[j]) / sum * V[j][lane] }
            let error = abs(outputs.o.matrix[segment.lowerBound + i, queryHead * 3 + lane] - o)
            #expect(error < 1e-13, "\(neighbour)")
          }
        }
      }
    }
  }

  private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
  private let scale = 1 / 6.squareRoot()

  @Test("Plain causal attention") func none() throws { try check(.none) { q, k, _, _, _, _ in scale * dot(q, k) } }

  @Test("Rotary embedding turns q and k by angles that depend on i − j alone")
  func rotary() throws {
    for base in [10000.0, 7] {
      try check(.rotary(base: base)) { q, k, i, j, _, _ in
        var sum = 0.0
        for l in 0..<3 {
          let angle = Double(i - j) * .pow(base, -Double(l) / 3)
          // Re (q · conj(k) · e^{i·angle})
          let (real, imaginary) = (q[l] * k[l] + q[l + 3] * k[l + 3], q[l + 3] * k[l] - q[l] * k[l + 3])
          sum += real * .cos(angle) - imaginary * .sin(angle)
        }
        return scale * sum
      }
    }
  }

  @Test("The Forgetting Transformer adds c_i − c_j")
  func forgetting() throws { try check(.forgetting) { q, k, i, j, c, _ in scale * dot(q, k) + c[i] - c[j] } }

  @Test("Linear biases subtract slope · (i − j)")
  func linearBias() throws {
    try check(.linearBias) { q, k, i, j, _, head in
      scale * dot(q, k) - .exp2(-2 * Double(head + 1)) * Double(i - j)
    }
    #expect(linearBiasSlopes(heads: 1) == [0x1p-8])
    #expect(linearBiasSlopes(heads: 8) == [0x1p-1, 0x1p-2, 0x1p-3, 0x1p-4, 0x1p-5, 0x1p-6, 0x1p-7, 0x1p-8])
    // Not a power of two: those of 4, then every other one of those of 8.
    #expect(linearBiasSlopes(heads: 7) == [0x1p-2, 0x1p-4, 0x1p-6, 0x1p-8, 0x1p-1, 0x1p-3, 0x1p-5])
  }

  @Test("A rotation is a product of two reflections: PaTH turns like rotary embedding")
  func reflectionsTurn() throws {
    // Reflections on lines at angle 0 and θ/2 turn by θ. Two tokens of PaTH make one turn of RoPE.
    let θ = 0.7
    let T = 12
    let inputs = try AttentionInputs(
      shape: AttentionShape(length: T, queryHeads: 1, heads: 1, keyDim: 2, valueDim: 1),
      q: (0..<T).flatMap { [Double.cos(Double($0)), Double.sin(Double($0))] },
      k: (0..<T).flatMap { [Double($0), 1] }, v: [Double](repeating: 0, count: T),
      w: (0..<T).flatMap { $0 % 2 == 1 ? [1, 0] : [Double.cos(θ / 2), -Double.sin(θ / 2)] },
      beta: [Double](repeating: 2, count: T))
    let path = try logits(inputs, AttentionFunction(scale: 1), form: .sequentialProduct)[0, 0]
    for i in stride(from: 0, to: T, by: 2) {
      for j in stride(from: 0, through: i, by: 2) {
        let angle = θ * Double((i - j) / 2)
        let (q, k) = (Array(inputs.q.matrix.view.row(i)), Array(inputs.k.matrix.view.row(j)))
        let turned = [q[0] * .cos(angle) - q[1] * .sin(angle), q[0] * .sin(angle) + q[1] * .cos(angle)]
        #expect(abs(path[i, j] - dot(turned, k)) < 1e-12, "\(i) \(j)")
      }
    }
  }

  @Test("Errors name what a neighbour needs")
  func errors() throws {
    let odd = try Problem(line: "B1 T2 HQ1 H1 K3 V1").inputs()
    #expect(throws: AttentionError.option(name: "keyDim", expected: "even for a rotary embedding", found: "3")) {
      try PositionEncoding.rotary().attention(odd)
    }
    let even = try Problem(line: "B1 T2 HQ1 H1 K2 V1").inputs()
    #expect(throws: AttentionError.option(name: "base", expected: "positive", found: "0.0")) {
      try PositionEncoding.rotary(base: 0).attention(even)
    }
    #expect(throws: AttentionError.count(tensor: "g", expected: 2, found: 0)) {
      try PositionEncoding.forgetting.logits(even)
    }
  }
}
