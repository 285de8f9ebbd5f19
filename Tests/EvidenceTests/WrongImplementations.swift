import PathAttention
import Problems

/// Implementations that are wrong on purpose: the library, wrapped so that it gets the wrong inputs or its results are spoiled.
struct WrongImplementation {
  let implementation: Implementation
  /// The laws that must notice. Others may.
  let broken: [String]

  init(
    _ name: String, breaks broken: String..., before: @escaping @Sendable (inout Changeable) -> Void = { _ in },
    after: @escaping @Sendable (inout [AttentionTensor: [Double]], AttentionCase) -> Void = { _, _ in }
  ) {
    self.broken = broken
    implementation = Implementation(name: name) { attentionCase in
      var changeable = Changeable(attentionCase)
      before(&changeable)
      var tensors = try Implementation(.sequentialProduct, threads: 1).evaluate(changeable.attentionCase())
      after(&tensors, attentionCase)
      return tensors
    }
  }

  /// A case as arrays that can be written to.
  struct Changeable {
    var shape: AttentionShape
    var segments: [Range<Int>]
    var tensors: [AttentionTensor: [Double]] = [:]
    var scale: Double?
    var gate: GateConvention
    var outputCotangent: [Double]?
    var lseCotangent: [Double]?

    init(_ original: AttentionCase) {
      (shape, segments) = (original.inputs.shape, original.inputs.segments)
      for (tensor, entries) in original.inputs.tensors { tensors[tensor] = entries.entries }
      (scale, gate) = (original.function.scale, original.function.gate)
      (outputCotangent, lseCotangent) = (original.outputCotangent, original.lseCotangent)
    }

    subscript(tensor: AttentionTensor) -> [Double] {
      get { tensors[tensor]! }
      set { tensors[tensor] = newValue }
    }

    func attentionCase() throws -> AttentionCase {
      AttentionCase(
        try AttentionInputs(
          shape: shape, q: self[.q], k: self[.k], v: self[.v], w: self[.w], beta: self[.beta], g: tensors[.g],
          segmentBoundaries: shape.batch == 1 ? [0] + segments.map(\.upperBound) : nil),
        scale: scale, gate: gate, outputCotangent: outputCotangent, lseCotangent: lseCotangent)
    }

    /// Every token's row of a tensor replaced by that of the token before it.
    mutating func shift(_ tensor: AttentionTensor) {
      guard let entries = tensors[tensor], shape.tokens > 0 else { return }
      let width = entries.count / shape.tokens
      for segment in segments {
        for index in segment.lowerBound * width..<segment.upperBound * width {
          self[tensor][index] = entries[max(index - width, segment.lowerBound * width + index % width)]
        }
      }
    }
  }

  static let all: [WrongImplementation] = [
    WrongImplementation("w one token late", breaks: "w = k", "orthogonal reflections", before: { $0.shift(.w) }),
    WrongImplementation("β one token late", breaks: "one w", "first token", before: { $0.shift(.beta) }),
    WrongImplementation(
      "no reflections", breaks: "w = k", "rotary positions", "orthogonal reflections",
      before: { $0[.beta] = $0[.beta].map { _ in 0 } }),
    WrongImplementation(
      "every β half of itself", breaks: "cancelling pair", "one w", "w = k",
      before: { $0[.beta] = $0[.beta].map { $0 / 2 } }),
    WrongImplementation(
      "β at least 0.1", breaks: "no reflections", before: { $0[.beta] = $0[.beta].map { max(0.1, $0) } }),
    WrongImplementation(
      "w normalised", breaks: "length of w",
      before: { wrong in
        let lanes = wrong.shape.keyDim
        let w = wrong[.w]
        for index in w.indices {
          let start = index / lanes * lanes
          let square = w[start..<start + lanes].reduce(1e-6) { $0 + $1 * $1 }
          wrong[.w][index] /= square.squareRoot()
        }
      }),
    WrongImplementation("|w|", breaks: "sign of w", "change of basis", before: { $0[.w] = $0[.w].map(abs) }),
    WrongImplementation(
      "lanes of q weighted", breaks: "change of basis",
      before: { wrong in
        let lanes = wrong.shape.keyDim
        wrong[.q] = wrong[.q].indices.map { wrong[.q][$0] * (1 + 1e-9 * Double($0 % lanes)) }
      }),
    WrongImplementation(
      "heads shared out in turn", breaks: "order of heads", "shared heads",
      before: { wrong in
        let (HQ, H) = (wrong.shape.queryHeads, wrong.shape.heads)
        wrong.reorderQueryHeads((0..<HQ).map { $0 % (HQ / H) * H + $0 / (HQ / H) })
      },
      after: { tensors, original in
        let (HQ, H) = (original.inputs.shape.queryHeads, original.inputs.shape.heads)
        for tensor in [AttentionTensor.o, .lse, .dq, .dg] {
          guard let entries = tensors[tensor] else { continue }
          tensors[tensor] = reordered(
            entries, (0..<HQ).map { $0 % H * (HQ / H) + $0 / H }, tokens: original.inputs.shape.tokens)
        }
      }),
    WrongImplementation("the gate's convention ignored", breaks: "conversion of gates", before: { $0.gate = .scaled }),
    WrongImplementation("the scale ignored", breaks: "scale of queries", before: { $0.scale = nil }),
    WrongImplementation(
      "the next value mixed in", breaks: "no future", "prefix",
      before: { wrong in
        let width = wrong.shape.heads * wrong.shape.valueDim
        let v = wrong[.v]
        for segment in wrong.segments {
          for index in segment.lowerBound * width..<max(segment.lowerBound, segment.upperBound - 1) * width {
            wrong[.v][index] += 1e-9 * v[index + width]
          }
        }
      }),
    WrongImplementation(
      "the last token of a sequence without β", breaks: "prefix",
      before: { wrong in
        for segment in wrong.segments where !segment.isEmpty {
          let row = (segment.upperBound - 1) * wrong.shape.heads
          for index in row..<row + wrong.shape.heads { wrong[.beta][index] = 0 }
        }
      }),
    WrongImplementation(
      "packing ignored", breaks: "separate sequences",
      before: { wrong in
        if wrong.shape.batch == 1 { wrong.segments = [0..<wrong.shape.length] }
      }),
    WrongImplementation(
      "every fourth β lost at a block edge", breaks: "dead tokens", "cancelling pair",
      before: { wrong in
        let heads = wrong.shape.heads
        for segment in wrong.segments {
          for token in segment where (token - segment.lowerBound) % 4 == 0 {
            for head in 0..<heads { wrong[.beta][token * heads + head] = 0 }
          }
        }
      }),
    WrongImplementation(
      "values squared", breaks: "linear in v",
      before: { wrong in
        wrong[.v] = wrong[.v].map { $0 * abs($0) }
      }),
    WrongImplementation(
      "the normaliser off by 10⁻⁹", breaks: "constant v",
      after: { tensors, _ in
        tensors[.o] = tensors[.o]!.map { $0 * (1 + 1e-9) }
      }),
    WrongImplementation(
      "log-sum-exp in base 2", breaks: "no reflections", "one w",
      after: { tensors, _ in
        tensors[.lse] = tensors[.lse]!.map { $0 / .log(2) }
      }),
    WrongImplementation(
      "do rounded to 20 bits", breaks: "linear in do",
      before: { wrong in
        wrong.outputCotangent = wrong.outputCotangent?.map { ($0 * 0x1p20).rounded() * 0x1p-20 }
      }),
    WrongImplementation(
      "dq off by a constant", breaks: "constant v",
      after: { tensors, _ in
        if let dq = tensors[.dq] { tensors[.dq] = dq.map { $0 + 1e-9 } }
      }),
    WrongImplementation(
      "dβ without a factor 2", breaks: "w·dw = 2β dβ",
      after: { tensors, _ in
        tensors[.dbeta] = tensors[.dbeta]?.map { $0 / 2 }
      }),
    WrongImplementation(
      "dw in single precision", breaks: "w·dw = 2β dβ", "QᵀdQ + KᵀdK + WᵀdW",
      after: { tensors, _ in
        tensors[.dw] = tensors[.dw]?.map { Double(Float($0)) }
      }),
    WrongImplementation(
      "dq twice", breaks: "QᵀdQ + KᵀdK + WᵀdW",
      after: { tensors, _ in
        tensors[.dq] = tensors[.dq]?.map { 2 * $0 }
      }),
    WrongImplementation(
      "dg shifted", breaks: "dw = dβ = dg = 0 at the start",
      after: { tensors, original in
        guard let dg = tensors[.dg], !dg.isEmpty else { return }
        let width = original.inputs.shape.queryHeads
        tensors[.dg] = Array(dg[width...] + dg[..<width])
      }),
    WrongImplementation(
      "k of the group's first query head only", breaks: "shared heads",
      after: { tensors, original in
        let group = Double(original.inputs.shape.groupSize)
        tensors[.dk] = tensors[.dk]?.map { $0 / group }
      }),
  ]
}

extension WrongImplementation.Changeable {
  /// Query heads in another order.
  mutating func reorderQueryHeads(_ order: [Int]) {
    let tokens = shape.tokens
    self[.q] = reordered(self[.q], order, tokens: tokens)
    if let g = tensors[.g] { self[.g] = reordered(g, order, tokens: tokens) }
    outputCotangent = outputCotangent.map { reordered($0, order, tokens: tokens) }
    lseCotangent = lseCotangent.map { reordered($0, order, tokens: tokens) }
  }
}

/// The heads of a tensor in another order.
private func reordered(_ entries: [Double], _ order: [Int], tokens: Int) -> [Double] {
  let lanes = entries.count / max(1, tokens * order.count)
  return (0..<tokens).flatMap { token in
    order.flatMap { head -> ArraySlice<Double> in
      let start = (token * order.count + head) * lanes
      return entries[start..<start + lanes]
    }
  }
}
