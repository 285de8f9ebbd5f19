import PathAttention
import RealModule

/// A change of a tensor as a whole that is no variant of the computation: a factor, another order of heads or axes.
struct TensorTransform {
  /// In words, like `times 0.5`.
  package let words: String
  /// What the candidate is held against after the change: the reference, changed likewise, or left as it is.
  package let reference: [Double]
  /// The candidate, with a factor taken out, so that its rounding errors have their own size again.
  package let candidate: [Double]

  /// The changes that bring a reference nearest to a candidate: a factor by least squares, a permutation of heads by the
  /// nearest one for each, the other layout.
  static func fits(
    _ tensor: AttentionTensor, reference: [Double], candidate: [Double], shape: AttentionShape, scale: Double
  ) -> [TensorTransform] {
    [
      factor(tensor, reference, candidate, groupSize: shape.groupSize, scale: scale),
      permutation(tensor, reference, candidate, shape),
      TensorTransform(
        words: "laid out as [batch, head, token, lane]",
        reference: transposed(reference, shape.dimensions(of: tensor)), candidate: candidate),
    ].compactMap { $0 }
  }

  // MARK: Factors

  private static func factor(
    _ tensor: AttentionTensor, _ reference: [Double], _ candidate: [Double], groupSize: Int, scale: Double
  ) -> TensorTransform? {
    let (square, product) = zip(reference, candidate).reduce((0.0, 0.0)) { sums, pair in
      (sums.0 + pair.0 * pair.0, sums.1 + pair.0 * pair.1)
    }
    guard square > 0, product.isFinite, square.isFinite else { return nil }
    let factor = product / square
    guard factor != 0 else {
      return TensorTransform(words: "all zero", reference: reference.map { 0 * $0 }, candidate: candidate)
    }
    let known: [(String, Double)] = [
      ("1/ln 2: base 2", 1 / .log(2)), ("ln 2", .log(2)), ("2", 2), ("1/2", 0.5), ("−1", -1), ("the scale", scale),
      ("1/scale", 1 / scale), ("the group size", Double(groupSize)), ("1/group size", 1 / Double(groupSize)),
    ]
    let name = known.first { abs(factor / $0.1 - 1) < 0.01 }.map { " = \($0.0)" } ?? ""
    return TensorTransform(
      words: "times \(Float(factor))\(name)", reference: reference, candidate: candidate.map { $0 / factor })
  }

  // MARK: Orders

  private static func permutation(
    _ tensor: AttentionTensor, _ reference: [Double], _ candidate: [Double], _ shape: AttentionShape
  ) -> TensorTransform? {
    let layout = shape.layout(of: tensor)
    let (heads, lanes) = (layout.heads, layout.lanes ?? 1)
    guard heads > 1 else { return nil }
    func distance(_ head: Int, _ other: Int) -> Double {
      var sum = 0.0
      for row in 0..<shape.tokens {
        let (start, otherStart) = ((row * heads + head) * lanes, (row * heads + other) * lanes)
        for lane in 0..<lanes {
          let difference = candidate[start + lane] - reference[otherStart + lane]
          sum += difference * difference
        }
      }
      return sum
    }
    let sources = (0..<heads).map { head in
      let distances = (0..<heads).map { distance(head, $0) }
      return distances.indices.min { distances[$0] < distances[$1] }!
    }
    guard Set(sources).count == heads, sources != Array(0..<heads) else { return nil }
    return TensorTransform(
      words: "with heads in the order \(sources.map(String.init).joined(separator: ", "))",
      reference: (0..<shape.tokens).flatMap { row -> [Double] in
        sources.flatMap { source -> ArraySlice<Double> in
          let start = (row * heads + source) * lanes
          return reference[start..<start + lanes]
        }
      },
      candidate: candidate)
  }

  /// From [batch, token, head, lane] to the order of [batch, head, token, lane].
  private static func transposed(_ entries: [Double], _ dimensions: [Int]) -> [Double] {
    let (tokens, heads, lanes) = (dimensions[1], dimensions[2], dimensions.count > 3 ? dimensions[3] : 1)
    return (0..<dimensions[0]).flatMap { batch in
      (0..<heads).flatMap { head in
        (0..<tokens).flatMap { token in
          let start = ((batch * tokens + token) * heads + head) * lanes
          return entries[start..<start + lanes]
        }
      }
    }
  }
}
