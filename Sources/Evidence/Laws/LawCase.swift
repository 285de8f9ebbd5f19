import LinearAlgebra
import PathAttention

/// A case that laws take apart and put together: every tensor as an array, [tokens, heads, lanes], over any scalar.
struct LawCase<S: LawScalar> {
  package var shape: AttentionShape
  /// As in `AttentionInputs`; nil unless B = 1.
  package var segmentBoundaries: [Int]?
  package var function: AttentionFunction<S>
  /// q, k, v, w, β, g if there is a gate; and do and dlse, the cotangents of the results, if gradients are
  /// wanted.
  package var tensors: [AttentionTensor: [S]]

  init(
    _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, outputCotangent: [S], lseCotangent: [S]
  ) {
    shape = inputs.shape
    segmentBoundaries = inputs.shape.batch == 1 ? [0] + inputs.segments.map(\.upperBound) : nil
    self.function = function
    tensors = [.do: outputCotangent, .dlse: lseCotangent]
    for (tensor, entries) in inputs.tensors { tensors[tensor] = entries.entries }
  }

  /// A tensor that is there.
  subscript(tensor: AttentionTensor) -> [S] {
    get { tensors[tensor]! }
    set { tensors[tensor] = newValue }
  }

  package func inputs() throws(AttentionError) -> AttentionInputs<S> {
    try AttentionInputs(
      shape: shape, q: self[.q], k: self[.k], v: self[.v], w: self[.w], beta: self[.beta], g: tensors[.g],
      segmentBoundaries: segmentBoundaries)
  }

  /// The token ranges that are independent of each other, as in `AttentionInputs`.
  package var segments: [Range<Int>] {
    segmentBoundaries.map { zip($0, $0.dropFirst()).map { $0..<$1 } }
      ?? (0..<(shape.length == 0 ? 0 : shape.batch)).map { $0 * shape.length..<($0 + 1) * shape.length }
  }

  /// The tensors that an evaluation results in.
  package var results: [AttentionTensor] { [.o, .lse] + gradients }

  /// The gradients among them.
  package var gradients: [AttentionTensor] {
    tensors[.do] == nil ? [] : [.dq, .dk, .dv, .dw, .dbeta] + (tensors[.g] == nil ? [] : [.dg])
  }

  // MARK: Changes

  /// The same without cotangents.
  package var forwardOnly: Self {
    var changed = self
    (changed.tensors[.do], changed.tensors[.dlse]) = (nil, nil)
    return changed
  }

  /// Changes the tensors, each as a whole, always in the same order.
  func mapTensors(_ change: (AttentionTensor, [S]) -> [S]) -> Self {
    var changed = self
    for tensor in AttentionTensor.allCases {
      if let entries = tensors[tensor] { changed[tensor] = change(tensor, entries) }
    }
    return changed
  }

  /// No cotangents at tokens that are not wanted.
  func withoutCotangents(where isUnwanted: (Int) -> Bool) -> Self {
    mapTensors { tensor, entries in
      guard tensor == .do || tensor == .dlse else { return entries }
      let width = entries.count / max(1, shape.tokens)
      return entries.indices.map { isUnwanted($0 / width) ? .zero : entries[$0] }
    }
  }

  /// Some tokens, as one sequence of their own.
  package func sequence(_ tokens: Range<Int>) -> Self {
    var changed = mapTensors { rows($1, tokens) }
    (changed.shape.batch, changed.shape.length) = (1, tokens.count)
    changed.segmentBoundaries = nil
    return changed
  }

  /// The rows of a tensor at some tokens.
  package func rows(_ entries: [S], _ tokens: some Sequence<Int>) -> [S] {
    let width = entries.count / max(1, shape.tokens)
    return tokens.flatMap { entries[$0 * width..<($0 + 1) * width] }
  }

  // MARK: Evaluation

  /// o and lse from logits, by a softmax written out.
  ///
  /// - Parameter logits: Row i of the logits of a query head in a segment, for keys 0 … i.
  package func attend(_ logits: (_ segment: Int, _ queryHead: Int, _ i: Int) -> [S]) -> (o: [S], lse: [S]) {
    let (V, HQ, H) = (shape.valueDim, shape.queryHeads, shape.heads)
    let v = self[.v]
    var o = [S](repeating: .zero, count: shape.count(of: .o))
    var lse = [S](repeating: .zero, count: shape.count(of: .lse))
    for (index, segment) in segments.enumerated() {
      for queryHead in 0..<HQ {
        for i in 0..<segment.count {
          let row = (segment.lowerBound + i) * HQ + queryHead
          let s = logits(index, queryHead, i)
          let m = s.dropFirst().reduce(s[0], S.pivot)
          let exponentials = s.map { S.exponential($0, minus: m) }
          let sum = exponentials.reduce(.zero, +)
          lse[row] = S.logSumExp(pivot: m, sum: sum)
          for (j, exponential) in exponentials.enumerated() {
            let value = ((segment.lowerBound + j) * H + queryHead / shape.groupSize) * V
            for lane in 0..<V { o[row * V + lane] += exponential / sum * v[value + lane] }
          }
        }
      }
    }
    return (o, lse)
  }
}

extension Array where Element: LawScalar {
  /// Each row of lanes times a factor of its own.
  func scaled(byRow factors: [Element]) -> [Element] {
    guard !factors.isEmpty else { return self }
    let lanes = count / factors.count
    return indices.map { self[$0] * factors[$0 / lanes] }
  }

  /// All entries times one factor.
  func scaled(by factor: Element) -> [Element] { map { factor * $0 } }

  /// The sum with another tensor.
  func plus(_ other: [Element]) -> [Element] { zip(self, other).map { $0 + $1 } }
}
