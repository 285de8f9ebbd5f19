import Foundation
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// A kernel written from the formulas with plain loops, that writes down every stage, rounded to bfloat16 (logits and lse to
/// float32), and computes the next one from that. One step of it can be made wrong.
struct StagedKernel {
  /// Which step is wrong, and how.
  enum Fault: CaseIterable {
    /// M = I − stril(diag(β) W Wᵀ)
    case inverseSign
    /// diag(β) M⁻¹
    case strengthBefore
    /// U = Tᵀ W
    case transposedTransform
    /// K̂ = K − (T tril(W Kᵀ))ᵀ W
    case keysWithDiagonal
    /// Q̃ = Q − stril(Q Wᵀ) U
    case queriesWithoutDiagonal
    /// X is not carried: A_bc = Q̃ K̂_cᵀ for all c
    case noCarry
    /// In base 2.
    case binaryLogarithm
    /// Not divided by the sum.
    case unnormalised

    /// The step that a report should name.
    var step: String {
      switch self {
      case .inverseSign: "m_inverse"
      case .strengthBefore: "transform"
      case .transposedTransform: "transformed_w"
      case .keysWithDiagonal: "adjusted_k"
      case .queriesWithoutDiagonal: "adjusted_q"
      case .noCarry: "logits"
      case .binaryLogarithm: "lse"
      case .unnormalised: "o"
      }
    }
  }

  let problem: Problem
  let inputs: AttentionInputs<Double>
  let fault: Fault?
  /// By name, with their dimensions.
  private(set) var tensors: [String: (shape: [Int], entries: [Double])] = [:]

  init(_ problem: Problem, fault: Fault? = nil) throws {
    self.problem = problem
    self.fault = fault
    let given = try problem.inputs()
    // What a kernel in bfloat16 is given.
    func rounded(_ tensor: TokenTensor<Double>) -> [Double] { tensor.entries.map(Self.round) }
    inputs = try AttentionInputs(
      shape: given.shape, q: rounded(given.q), k: rounded(given.k), v: rounded(given.v), w: rounded(given.w),
      beta: given.beta.entries, g: given.g?.entries,
      segmentBoundaries: given.shape.batch == 1 ? [0] + given.segments.map(\.upperBound) : nil)
    let (B, T, n) = (given.shape.batch, given.shape.length, problem.blockSize)
    let (H, HQ, K, V) = (given.shape.heads, given.shape.queryHeads, given.shape.keyDim, given.shape.valueDim)
    for (name, shape) in [
      ("m_inverse", [B, T, H, n]), ("transform", [B, T, H, n]), ("transformed_w", [B, T, H, K]),
      ("adjusted_k", [B, T, H, K]), ("adjusted_q", [B, T, HQ, K]), ("logits", [B, T, HQ, T]), ("lse", [B, T, HQ]),
      ("o", [B, T, HQ, V]),
    ] {
      // Kernels leave what they like where nothing has a meaning.
      let filling = ["m_inverse", "transform", "logits"].contains(name) ? Double.nan : 0
      tensors[name] = (shape, [Double](repeating: filling, count: shape.reduce(1, *)))
    }
    for segment in inputs.segments {
      for head in 0..<H {
        let blocks = stride(from: 0, to: segment.count, by: n).map { $0..<min($0 + n, segment.count) }
        let keySides = blocks.map { keySide(segment, $0, head) }
        for queryHead in head * (HQ / H)..<(head + 1) * (HQ / H) {
          for (b, block) in blocks.enumerated() { query(segment, block, b, queryHead, keySides) }
        }
      }
    }
  }

  private static func round(_ x: Double) -> Double { NumberFormat.bfloat16.round(x) }

  // MARK: Steps

  private struct KeySide {
    let range: Range<Int>
    let K: [[Double]]
    let W: [[Double]]
    let T: [[Double]]
    let U: [[Double]]
    let carriedKeys: [[Double]]
  }

  private mutating func keySide(_ segment: Range<Int>, _ block: Range<Int>, _ head: Int) -> KeySide {
    let tokens = segment.lowerBound + block.lowerBound..<segment.lowerBound + block.upperBound
    let K = rows(inputs.k.window(tokens, head: head))
    let W = rows(inputs.w.window(tokens, head: head))
    let β = rows(inputs.beta.window(tokens, head: head)).map { $0[0] }
    let n = block.count
    // Row t of M⁻¹, by substitution.
    var inverse = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
    for t in 0..<n {
      inverse[t][t] = 1
      for s in 0..<t {
        let L = (fault == .inverseSign ? -1 : 1) * β[t] * dot(W[t], W[s])
        for c in 0...s { inverse[t][c] -= L * inverse[s][c] }
      }
    }
    inverse = store("m_inverse", inverse, tokens, head, triangular: true)
    var T = inverse
    for t in 0..<n { for s in 0...t { T[t][s] *= fault == .strengthBefore ? β[t] : β[s] } }
    T = store("transform", T, tokens, head, triangular: true)
    let U = store(
      "transformed_w", product(fault == .transposedTransform ? transposed(T) : T, W), tokens, head)
    // Z = T stril(W Kᵀ)
    let Y = (0..<n).map { t in
      (0..<n).map { s in s < t || (s == t && fault == .keysWithDiagonal) ? dot(W[t], K[s]) : 0 }
    }
    let carriedKeys = store("adjusted_k", difference(K, product(transposed(product(T, Y)), W)), tokens, head)
    return KeySide(range: block, K: K, W: W, T: T, U: U, carriedKeys: carriedKeys)
  }

  private mutating func query(
    _ segment: Range<Int>, _ block: Range<Int>, _ b: Int, _ queryHead: Int, _ keySides: [KeySide]
  ) {
    let tokens = segment.lowerBound + block.lowerBound..<segment.lowerBound + block.upperBound
    let (own, n) = (keySides[b], block.count)
    let Q = rows(inputs.q.window(tokens, head: queryHead))
    let scale = 1 / Double(inputs.shape.keyDim).squareRoot()
    func projections(withDiagonal: Bool) -> [[Double]] {
      (0..<n).map { t in (0..<n).map { s in s < t || (s == t && withDiagonal) ? dot(Q[t], own.W[s]) : 0 } }
    }
    let Q̃ = store(
      "adjusted_q", difference(Q, product(projections(withDiagonal: fault != .queriesWithoutDiagonal), own.U)),
      tokens, queryHead)

    // The diagonal tile, then the others from right to left.
    let Y = (0..<n).map { t in (0..<n).map { s in s < t ? dot(own.W[t], own.K[s]) : 0 } }
    let inBlock = product(product(projections(withDiagonal: true), own.T), Y)
    var A = Q.map { q in [Double](repeating: 0, count: block.lowerBound) + own.K.map { dot(q, $0) } }
    for t in 0..<n { for s in 0..<n { A[t][block.lowerBound + s] -= inBlock[t][s] } }
    var X = Q̃
    for other in keySides[..<b].reversed() {
      for t in 0..<n { for s in other.range { A[t][s] = dot(X[t], other.carriedKeys[s - other.range.lowerBound]) } }
      if fault != .noCarry {
        // X R = X − (X Wᵀ) U
        X = difference(X, product(product(X, transposed(other.W)), other.U))
      }
    }

    var sums = 0.0
    let g = inputs.g.map { rows($0.window(segment, head: queryHead)).map { $0[0] } }
    let c = g?.map { g -> Double in
      sums += g
      return sums
    }
    let gateFactor = problem.convention == .scaled ? scale : 1
    let V = rows(inputs.v.window(segment, head: queryHead / inputs.shape.groupSize))
    let offset = segment.lowerBound % inputs.shape.length
    for (t, token) in tokens.enumerated() {
      let i = block.lowerBound + t
      let logits = (0...i).map { j in
        Double(Float(scale * A[t][j] + (c.map { gateFactor * ($0[i] - $0[j]) } ?? 0)))
      }
      let row = token * inputs.shape.queryHeads + queryHead
      for j in 0...i { tensors["logits"]!.entries[row * inputs.shape.length + offset + j] = logits[j] }
      let largest = logits.max()!
      let weights = logits.map { exp($0 - largest) }
      let sum = weights.reduce(0, +)
      tensors["lse"]!.entries[row] = (largest + log(sum)) * (fault == .binaryLogarithm ? 1 / log(2) : 1)
      for lane in 0..<inputs.shape.valueDim {
        let o = (0...i).reduce(0) { $0 + Self.round(weights[$1]) * V[$1][lane] }
        tensors["o"]!.entries[row * inputs.shape.valueDim + lane] = Self.round(
          fault == .unnormalised ? o : o / sum)
      }
    }
  }

  /// Writes down rows of a stage, and gives back what stands there.
  private mutating func store(
    _ name: String, _ rows: [[Double]], _ tokens: Range<Int>, _ head: Int, triangular: Bool = false
  ) -> [[Double]] {
    let rounded = rows.map { $0.map(Self.round) }
    let shape = tensors[name]!.shape
    for (t, token) in tokens.enumerated() {
      for lane in 0..<(triangular ? t + 1 : rounded[t].count) {
        tensors[name]!.entries[(token * shape[2] + head) * shape[3] + lane] = rounded[t][lane]
      }
    }
    return rounded
  }

  // MARK: The file

  /// Writes inputs, stages, lse and o.
  ///
  /// - Parameter layout: The order of the axes.
  func write(to path: String, metadata: [String: String] = [:], only names: (String) -> Bool = { _ in true }) throws {
    var file = TensorFileWriter(metadata: metadata.merging(["gate": problem.convention.rawValue]) { a, _ in a })
    for (tensor, entries) in inputs.tensors {
      try file.add(
        tensor.rawValue, shape: inputs.shape.dimensions(of: tensor), entries.entries,
        as: [.beta, .g].contains(tensor) ? .float32 : .bfloat16)
    }
    if inputs.shape.batch == 1 {
      let boundaries = [0] + inputs.segments.map(\.upperBound)
      try file.add("cu_seqlens", shape: [boundaries.count], boundaries, as: .int64)
    }
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) where names(name) {
      try file.add(
        name, shape: tensor.shape, tensor.entries, as: ["lse", "logits"].contains(name) ? .float32 : .bfloat16)
    }
    try file.write(to: path)
  }
}

private func rows(_ view: MatrixView<Double>) -> [[Double]] { (0..<view.rows).map { Array(view.row($0)) } }

private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

private func transposed(_ A: [[Double]]) -> [[Double]] { A[0].indices.map { j in A.map { $0[j] } } }

private func product(_ A: [[Double]], _ B: [[Double]]) -> [[Double]] {
  let columns = transposed(B)
  return A.map { row in columns.map { dot(row, $0) } }
}

private func difference(_ A: [[Double]], _ B: [[Double]]) -> [[Double]] {
  zip(A, B).map { zip($0, $1).map { $0 - $1 } }
}
