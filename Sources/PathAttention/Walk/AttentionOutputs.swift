import LinearAlgebra

/// What PaTH attention computes.
public struct AttentionOutputs<S: SoftmaxScalar>: Sendable {
  /// The outputs, [B, T, HQ, V]; NaN in rows that were not asked for.
  public private(set) var o: TokenTensor<S>
  /// The log-sum-exp of the logits of each row, natural logarithm, [B, T, HQ]; NaN in rows that were not asked for.
  public let lse: TokenTensor<S>
  /// Which function of the inputs they are.
  public let function: AttentionFunction<S>
  private let softmaxRows: [SoftmaxRows<S>]
  private let queryHeads: Int

  init(_ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>) {
    self.function = function
    o = TokenTensor(.o, inputs.shape)
    lse = TokenTensor(.lse, inputs.shape)
    queryHeads = inputs.shape.queryHeads
    softmaxRows = inputs.segments.flatMap { segment in
      (0..<inputs.shape.queryHeads).map { _ in SoftmaxRows(length: segment.count) }
    }
  }

  /// The same with other outputs in place of o, [B, T, HQ, V], as a backward pass may read them.
  package func withOutputs(_ entries: [S], _ inputs: AttentionInputs<S>) throws(AttentionError) -> Self {
    var outputs = self
    outputs.o = try TokenTensor(.o, inputs.shape, entries)
    return outputs
  }

  func rows(of place: SegmentHead) -> SoftmaxRows<S> {
    softmaxRows[place.segmentIndex * queryHeads + place.queryHead]
  }

  /// Checks that the outputs are those of inputs of this shape, and that the rows that take part have been computed.
  func validate(
    _ inputs: AttentionInputs<S>, where takesPart: (SegmentHead, Int) -> Bool
  ) throws(AttentionError) {
    let shape = inputs.shape
    guard softmaxRows.count == inputs.segments.count * shape.queryHeads, o.entries.count == shape.count(of: .o) else {
      throw .count(tensor: "o", expected: shape.count(of: .o), found: o.entries.count)
    }
    for (index, segment) in inputs.segments.enumerated() {
      for queryHead in 0..<queryHeads {
        let place = SegmentHead(
          segmentIndex: index, segment: segment, queryHead: queryHead, head: queryHead / shape.groupSize)
        let rows = rows(of: place)
        guard rows.sum.columns == segment.count else {
          throw .segments("segment \(index) has \(segment.count) tokens, its outputs \(rows.sum.columns)")
        }
        for token in 0..<segment.count where rows.sum[0, token] == .zero && takesPart(place, token) {
          throw .notComputed(token: segment.lowerBound + token, head: queryHead)
        }
      }
    }
  }
}
