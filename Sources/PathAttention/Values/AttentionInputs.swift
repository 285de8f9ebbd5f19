import LinearAlgebra

/// The inputs of PaTH attention, checked.
///
/// A batch is a packing like any other: sequence b is the tokens b·T ..< (b+1)·T, and segments do not see each other.
public struct AttentionInputs<S: Scalar>: Sendable {
  /// The sizes.
  public let shape: AttentionShape
  /// The token ranges that are independent of each other, in order. Empty ones are legal.
  public let segments: [Range<Int>]
  /// Queries, [B, T, HQ, K].
  public let q: TokenTensor<S>
  /// Keys, [B, T, H, K].
  public let k: TokenTensor<S>
  /// Values, [B, T, H, V].
  public let v: TokenTensor<S>
  /// Reflection vectors, [B, T, H, K].
  public let w: TokenTensor<S>
  /// Reflection strengths, [B, T, H].
  public let beta: TokenTensor<S>
  /// Log forget gates, [B, T, HQ], if there is a gate.
  public let g: TokenTensor<S>?

  /// Inputs from entries in the order of memory.
  ///
  /// - Parameters:
  ///   - shape: The sizes; `queryHeads` is a multiple of `heads`.
  ///   - q: Queries, [B, T, HQ, K].
  ///   - k: Keys, [B, T, H, K].
  ///   - v: Values, [B, T, H, V].
  ///   - w: Reflection vectors, [B, T, H, K]. In use ‖w‖ = 1; any length is accepted.
  ///   - beta: Reflection strengths, [B, T, H]. In use 0 < β < 2; any value is accepted.
  ///   - g: Log forget gates, [B, T, HQ], or nil for no gate.
  ///   - segmentBoundaries: For packed sequences the first token of each and the end of the last, 0 = c_0 ≤ … ≤ c_N = T
  ///     (`cu_seqlens`); needs B = 1. Without it each sequence of the batch is one segment.
  /// - Throws: `AttentionError` naming the first argument that does not fit. Whether numbers are finite is checked where
  ///   they are used as real numbers.
  public init(
    shape: AttentionShape, q: [S], k: [S], v: [S], w: [S], beta: [S], g: [S]? = nil, segmentBoundaries: [Int]? = nil
  ) throws(AttentionError) {
    try shape.validate()
    self.shape = shape
    segments = try PathAttention.segments(batch: shape.batch, length: shape.length, boundaries: segmentBoundaries)
    self.q = try TokenTensor(.q, shape, q)
    self.k = try TokenTensor(.k, shape, k)
    self.v = try TokenTensor(.v, shape, v)
    self.w = try TokenTensor(.w, shape, w)
    self.beta = try TokenTensor(.beta, shape, beta)
    if let g { self.g = try TokenTensor(.g, shape, g) } else { self.g = nil }
  }

  /// The same problem with some tensors replaced, in the order of memory; those that are left out stay. `.some(nil)` for g
  /// takes the gate away.
  ///
  /// - Throws: `AttentionError.count` naming the first that does not fit.
  public func replacing(
    q: [S]? = nil, k: [S]? = nil, v: [S]? = nil, w: [S]? = nil, beta: [S]? = nil, g: [S]?? = nil
  ) throws(AttentionError) -> Self {
    try Self(
      shape: shape, q: q ?? self.q.entries, k: k ?? self.k.entries, v: v ?? self.v.entries, w: w ?? self.w.entries,
      beta: beta ?? self.beta.entries, g: g ?? self.g?.entries,
      segmentBoundaries: segmentBoundaries)
  }

  /// Some of the tokens as packed sequences: one for each range, which may be empty and may lie anywhere.
  ///
  /// - Precondition: the ranges lie within the tokens 0 ..< B · T.
  @specialized(where S == Double)
  @specialized(where S == PrimeField)
  public func packed(_ ranges: [Range<Int>]) -> Self {
    let boundaries = ranges.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    var shape = shape
    (shape.batch, shape.length) = (1, boundaries.last!)
    func rows(_ tensor: TokenTensor<S>) -> [S] {
      ranges.flatMap { $0.flatMap { Array(tensor.matrix.view.row($0)) } }
    }
    // Counts and boundaries fit by construction.
    return try! Self(
      shape: shape, q: rows(q), k: rows(k), v: rows(v), w: rows(w), beta: rows(beta), g: g.map(rows),
      segmentBoundaries: boundaries)
  }

  /// The input tensors that are present, with their entries.
  public var tensors: [(tensor: AttentionTensor, entries: TokenTensor<S>)] {
    [(.q, q), (.k, k), (.v, v), (.w, w), (.beta, beta)] + (g.map { [(.g, $0)] } ?? [])
  }

  /// Inputs of the same shape and segments, possibly over another scalar, with entries made from these.
  ///
  /// - Throws: `AttentionError.count` when `transform` returns too few or too many entries.
  public func map<R: Scalar>(
    _ transform: (AttentionTensor, [S]) -> [R]
  ) throws(AttentionError) -> AttentionInputs<R> {
    try AttentionInputs<R>(
      shape: shape, q: transform(.q, q.entries), k: transform(.k, k.entries), v: transform(.v, v.entries),
      w: transform(.w, w.entries), beta: transform(.beta, beta.entries), g: g.map { transform(.g, $0.entries) },
      segmentBoundaries: segmentBoundaries)
  }
}

extension AttentionShape {
  /// Checks that the sizes make sense and that the query heads can be shared out.
  public func validate() throws(AttentionError) {
    try validateSequences(batch: batch, length: length)
    try HeadLayout(queryHeads: queryHeads, heads: heads, keyDim: keyDim, valueDim: valueDim, gated: false).validate()
    // Nothing that is computed from the sizes may overflow, not even for an empty tensor: bytes of the largest tensor.
    var bytes = 16
    for factor in [max(1, batch), max(1, length), queryHeads, max(keyDim, valueDim)] {
      let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: factor)
      guard !isTooLarge else { throw .tooLarge(self) }
      bytes = product
    }
  }
}

/// Checks that numbers of sequences and tokens are not negative.
func validateSequences(batch: Int, length: Int) throws(AttentionError) {
  for (name, size) in [("batch", batch), ("length", length)] where size < 0 { throw .size(name: name, found: size) }
}

/// The token ranges that are independent of each other: the sequences of a batch, or those that are packed into one.
func segments(batch: Int, length: Int, boundaries: [Int]?) throws(AttentionError) -> [Range<Int>] {
  guard let boundaries else {
    // However many sequences of no tokens a file may claim, there is nothing to do for them.
    return length == 0 ? [] : (0..<batch).map { $0 * length..<($0 + 1) * length }
  }
  guard batch == 1 else { throw .segments("batch is \(batch)") }
  guard boundaries.first == 0, boundaries.last == length else {
    throw .segments("starts at \(boundaries.first ?? -1), ends at \(boundaries.last ?? -1), \(length) tokens")
  }
  for (start, end) in zip(boundaries, boundaries.dropFirst()) where end < start {
    throw .segments("\(end) follows \(start)")
  }
  return zip(boundaries, boundaries.dropFirst()).map { $0..<$1 }
}

extension AttentionInputs {
  /// Whether a sequence is cut into segments.
  package var isPacked: Bool { segments != (0..<shape.batch).map { $0 * shape.length..<($0 + 1) * shape.length } }

  /// The boundaries with which inputs of the same segments are made.
  public var segmentBoundaries: [Int]? { shape.batch == 1 ? [0] + segments.map(\.upperBound) : nil }

  /// The log forget gates of one query head in one segment, if there is a gate.
  func gateWindow(_ place: SegmentHead) -> MatrixView<S>? { g?.window(place.segment, head: place.queryHead) }
}
