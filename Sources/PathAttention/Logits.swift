import LinearAlgebra

/// The logits S_ij = scale · A_ij + gate_ij themselves, which are polynomials in the inputs, over any scalar.
///
/// This is the same traversal and the same text of the forms that `attention` uses; only the softmax is missing. Over an
/// exact scalar, equal tables mean equal numbers.
///
/// - Parameters:
///   - inputs: q, k, w, β and, if there is a gate, g. The values play no part.
///   - scale: The factor of the logits.
///   - gate: How the gate enters.
///   - form: Which form computes A.
/// - Returns: One L × L lower triangular matrix for every segment and query head.
/// - Throws: `AttentionError` when the form makes no sense.
/// - Complexity: That of the form, and Σ L² memory for every query head.
@specialized(where S == Double)
@specialized(where S == PrimeField)
public func logits<S: Scalar>(
  _ inputs: AttentionInputs<S>, scale: S, gate: GateConvention = .scaled, form: AttentionForm
) throws(AttentionError) -> LogitTable<S> {
  try form.validate()
  let table = LogitTable<S>(inputs)
  Traversal(inputs: inputs, options: AttentionOptions(form: form)).forward { place in
    LogitCollector(
      map: LogitMap(scale: scale, g: inputs.gateWindow(place), gate),
      table: table[place.segmentIndex, place.queryHead].mutableView)
  }
  return table
}

/// The gradients of Σ C ∘ S, for a cotangent C of the logits, with respect to q, k, w, β and g, over any scalar.
///
/// - Parameters:
///   - inputs: What the logits were computed from.
///   - cotangent: C; entries with j > i are ignored.
///   - scale: The factor of the logits.
///   - gate: How the gate enters.
///   - form: Which form computes the gradients.
/// - Throws: `AttentionError` when the form makes no sense.
/// - Precondition: The cotangent was made for inputs of this shape and these segments.
@specialized(where S == Double)
@specialized(where S == PrimeField)
public func logitGradients<S: Scalar>(
  of inputs: AttentionInputs<S>, cotangent: LogitTable<S>, scale: S, gate: GateConvention = .scaled,
  form: AttentionForm
) throws(AttentionError) -> LogitGradients<S> {
  try form.validate()
  let gradients = LogitGradients(inputs)
  Traversal(inputs: inputs, options: AttentionOptions(form: form)).backward(into: gradients) { place in
    let map = LogitMap(scale: scale, g: inputs.gateWindow(place), gate)
    return GivenCotangent(
      scale: scale, table: cotangent[place.segmentIndex, place.queryHead].view,
      gate: GateCotangent(map.gate, place, into: gradients.dg))
  }
  return gradients
}

/// A lower triangular matrix for every segment and query head of a problem: logits, or a cotangent of them.
public struct LogitTable<S: Scalar>: Sendable {
  private let tables: [Matrix<S>]
  /// The number of query heads.
  public let queryHeads: Int
  /// The number of segments.
  public let segments: Int

  /// Zeros, in the shape that the inputs need.
  public init(_ inputs: AttentionInputs<S>) {
    queryHeads = inputs.shape.queryHeads
    segments = inputs.segments.count
    tables = inputs.segments.flatMap { segment in
      (0..<inputs.shape.queryHeads).map { _ in Matrix(rows: segment.count, columns: segment.count) }
    }
  }

  /// The table of one query head in one segment, L × L. It can be written to.
  public subscript(segment: Int, queryHead: Int) -> Matrix<S> { tables[segment * queryHeads + queryHead] }
}

/// Copies the logits into a table.
private struct LogitCollector<S: Scalar>: LogitVisitor {
  let map: LogitMap<S>
  let table: MutableMatrixView<S>

  func visit(_ tile: MutableMatrixView<S>, row: Int, column: Int) {
    for r in 0..<tile.rows {
      let count = causalCount(tile, row: row, column: column, r)
      let logits = UnsafeMutableBufferPointer(rebasing: tile.row(r)[..<count])
      map.apply(to: logits, query: row + r, column: column)
      for j in 0..<count { table[row + r, column + j] = logits[j] }
    }
  }
}

/// Gives every tile its cotangent from a table.
private struct GivenCotangent<S: Scalar>: LogitVisitor {
  let scale: S
  let table: MatrixView<S>
  let gate: GateCotangent<S>?

  func visit(_ tile: MutableMatrixView<S>, row: Int, column: Int) {
    for r in 0..<tile.rows {
      let count = causalCount(tile, row: row, column: column, r)
      for j in 0..<tile.columns { tile[r, j] = j < count ? table[row + r, column + j] : .zero }
    }
    gate?.collect(tile, row: row, column: column)
    for r in 0..<tile.rows {
      for j in 0..<tile.columns { tile[r, j] *= scale }
    }
  }

  func finish() { gate?.finish() }
}
