import LinearAlgebra

/// The cotangent of the log forget gate of one query head in one segment, or a part of it.
///
/// From gate_ij = factor · (c_i − c_j): dc_i = factor · (Σ_j dS_ij − Σ_j dS_ji), and c is a cumulative sum, so dg is the
/// reverse cumulative sum of dc.
final class GateCotangent<S: Scalar> {
  /// dc / factor
  private let dc: Matrix<S>

  init(length: Int) { dc = Matrix(rows: 1, columns: length) }

  /// Adds the part of a tile of dS, which is zero where j > i.
  func collect(
    _ dS: MutableMatrixView<S>, tokens: ArraySlice<Int>, column: Int, rounding: some RoundingModel<S>
  ) {
    let dc = dc.mutableView.row(0)
    let columns = UnsafeMutableBufferPointer(rebasing: dc[column..<column + dS.columns])
    for (r, token) in tokens.enumerated() {
      let entries = UnsafeBufferPointer(dS.row(r))
      S.addScaled(-S.one, entries, to: columns)
      dc[token] += S.sum(entries)
    }
    rounding.round(dc, .accumulators)
  }

  /// Writes the gradient of the gate as the sum of its parts. The first gate of a segment stands before every interval: its
  /// gradient is zero.
  static func finish(
    _ parts: [GateCotangent], factor: S, into dg: MutableMatrixView<S>, rounding: some RoundingModel<S>
  ) {
    var (sum, error) = (S.zero, S.zero)
    for t in (1..<dg.rows).reversed() {
      for part in parts {
        let residue: S
        (sum, residue) = twoSum(sum, part.dc[0, t])
        error += residue
      }
      let stored = rounding.rounded(sum, .accumulators)
      if stored != sum { (sum, error) = (stored, .zero) }
      dg[t, 0] = factor * (sum + error)
    }
  }
}

/// The cotangents of the gates of all query heads of a group, or a part of them.
struct GateCotangents<S: Scalar> {
  private let group: SegmentGroup
  /// Empty when there is no gate.
  private let heads: [GateCotangent<S>]

  init(_ group: SegmentGroup, isGated: Bool) {
    self.group = group
    heads = isGated ? group.queryHeads.map { _ in GateCotangent(length: group.segment.count) } : []
  }

  /// That of a query head of the group, if there is a gate.
  subscript(queryHead: Int) -> GateCotangent<S>? {
    heads.isEmpty ? nil : heads[queryHead - group.queryHeads.lowerBound]
  }

  /// Writes the gradients of the gates as sums of their parts.
  static func finish(
    _ parts: [GateCotangents], _ group: SegmentGroup, _ function: AttentionFunction<S>,
    into dg: TokenTensor<S>?, rounding: some RoundingModel<S>
  ) {
    guard let dg else { return }
    for queryHead in group.queryHeads {
      GateCotangent.finish(
        parts.map { $0[queryHead]! }, factor: function.gateFactor,
        into: dg.mutableWindow(group.segment, head: queryHead), rounding: rounding)
    }
  }
}
