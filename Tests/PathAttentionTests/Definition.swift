import LinearAlgebra
import PathAttention

/// The definition written out: explicit d × d reflections, one product after another, a dense softmax. Nothing here is
/// shared with the library beyond the container of the inputs. Double only, small sizes only.
struct Definition {
  let inputs: AttentionInputs<Double>
  let function: AttentionFunction<Double>

  typealias Dense = [[Double]]

  init(_ inputs: AttentionInputs<Double>, _ function: AttentionFunction<Double>) {
    self.inputs = inputs
    self.function = function
  }

  /// Entry (token, head, lane) of a tensor.
  private func at(_ tensor: TokenTensor<Double>, _ token: Int, _ head: Int, _ lane: Int) -> Double {
    tensor.matrix[token, head * tensor.lanes + lane]
  }

  /// Row i of the logits of a query head, for the keys j ≤ i of its segment.
  func logits(query i: Int, head queryHead: Int, in segment: Range<Int>) -> [Double] {
    let d = inputs.shape.keyDim
    let head = queryHead / inputs.shape.groupSize
    let identity: Dense = (0..<d).map { a in (0..<d).map { $0 == a ? 1 : 0 } }
    var product = identity
    var row = [Double](repeating: 0, count: i - segment.lowerBound + 1)
    var decay = 0.0
    for j in (segment.lowerBound...i).reversed() {
      // product = H_i H_{i−1} … H_{j+1}
      var a = 0.0
      for x in 0..<d {
        for y in 0..<d { a += at(inputs.q, i, queryHead, x) * product[x][y] * at(inputs.k, j, head, y) }
      }
      row[j - segment.lowerBound] = function.scale * a + (function.gate == .scaled ? function.scale : 1) * decay
      if let g = inputs.g { decay += at(g, j, queryHead, 0) }
      let reflection: Dense = (0..<d).map { x in
        (0..<d).map { y in
          identity[x][y] - at(inputs.beta, j, head, 0) * at(inputs.w, j, head, x) * at(inputs.w, j, head, y)
        }
      }
      product = (0..<d).map { x in
        (0..<d).map { y in (0..<d).reduce(0) { $0 + product[x][$1] * reflection[$1][y] } }
      }
    }
    return row
  }

  /// o and lse in the order of memory.
  func outputs() -> (o: [Double], lse: [Double]) {
    let shape = inputs.shape
    var o = [Double](repeating: 0, count: shape.tokens * shape.queryHeads * shape.valueDim)
    var lse = [Double](repeating: 0, count: shape.tokens * shape.queryHeads)
    for segment in inputs.segments {
      for i in segment {
        for h in 0..<shape.queryHeads {
          let s = logits(query: i, head: h, in: segment)
          let m = s.max()!
          let weights = s.map { .exp($0 - m) } as [Double]
          let sum = weights.reduce(0, +)
          lse[i * shape.queryHeads + h] = m + .log(sum)
          for lane in 0..<shape.valueDim {
            o[(i * shape.queryHeads + h) * shape.valueDim + lane] = zip(segment, weights).reduce(0) {
              $0 + $1.1 / sum * at(inputs.v, $1.0, h / shape.groupSize, lane)
            }
          }
        }
      }
    }
    return (o, lse)
  }
}
