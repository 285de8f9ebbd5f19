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
@specialized(where S == Dual<PrimeField>)
@specialized(where S == Degree)
public func logits<S: Scalar>(
  _ inputs: AttentionInputs<S>, scale: S, gate: GateConvention = .scaled, form: AttentionForm
) throws(AttentionError) -> LogitTable<S> {
  try logits(inputs, scale: scale, gate: gate, form: form, rounding: NoRounding())
}

/// The logits as a kernel in another arithmetic has them before the softmax.
///
/// - Parameters:
///   - inputs: q, k, w, β and, if there is a gate, g.
///   - scale: The factor of the logits.
///   - gate: How the gate enters.
///   - form: Compact WY or blockwise.
///   - rounding: How numbers are rounded at each point.
/// - Throws: `AttentionError`, also for the sequential product, in which there are no such points.
/// - Complexity: As without rounding; the rounding takes about as long as the products.
public func logits(
  _ inputs: AttentionInputs<Double>, scale: Double, gate: GateConvention = .scaled, form: AttentionForm,
  rounding: EmulatedRounding
) throws(AttentionError) -> LogitTable<Double> {
  try form.validateRounded()
  return try logits(
    inputs, scale: scale, gate: gate, form: form, rounding: ScaledRounding(emulation: rounding, scale: scale))
}

private func logits<S: Scalar>(
  _ inputs: AttentionInputs<S>, scale: S, gate: GateConvention, form: AttentionForm, rounding: some RoundingModel<S>
) throws(AttentionError) -> LogitTable<S> {
  try form.validate()
  let table = LogitTable<S>(inputs)
  Traversal(inputs: inputs, scale: scale, form: form, rounding: rounding).forward(
    LogitCollectors(inputs: inputs, scale: scale, convention: gate, table: table, rounding: rounding))
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
@specialized(where S == Degree)
public func logitGradients<S: Scalar>(
  of inputs: AttentionInputs<S>, cotangent: LogitTable<S>, scale: S, gate: GateConvention = .scaled,
  form: AttentionForm
) throws(AttentionError) -> LogitGradients<S> {
  let traversal = try Traversal(inputs, scale: scale, form: form)
  let gradients = LogitGradients(inputs)
  traversal.backward(
    into: gradients,
    GivenCotangents(scale: scale, convention: gate, cotangent: cotangent, gradients: gradients))
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

  private init(tables: [Matrix<S>], queryHeads: Int, segments: Int) {
    self.tables = tables
    self.queryHeads = queryHeads
    self.segments = segments
  }

  /// The table of one query head in one segment, L × L. It can be written to.
  public subscript(segment: Int, queryHead: Int) -> Matrix<S> { tables[segment * queryHeads + queryHead] }

  /// A table of the same shape, made from the entries on and below the diagonals, row after row.
  public func map<R: Scalar>(_ transform: (S) -> R) -> LogitTable<R> {
    let mapped = tables.map { table in
      let copy = Matrix<R>(rows: table.rows, columns: table.columns)
      for i in 0..<table.rows {
        for j in 0...i { copy.mutableView[i, j] = transform(table[i, j]) }
      }
      return copy
    }
    return LogitTable<R>(tables: mapped, queryHeads: queryHeads, segments: segments)
  }
}

/// Copies the logits into a table.
private struct LogitCollectors<S: Scalar, Rounding: RoundingModel<S>>: ForwardVisitors {
  let inputs: AttentionInputs<S>
  let scale: S
  let convention: GateConvention
  let table: LogitTable<S>
  let rounding: Rounding

  struct Visitor: LogitVisitor {
    let tokens: [Int]
    let gate: GateMap<S>?
    let table: MutableMatrixView<S>
    let rounding: Rounding

    func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
      for (r, token) in tokens[rows].enumerated() {
        let count = causalCount(token: token, column: column, columns: tile.columns)
        let logits = UnsafeMutableBufferPointer(rebasing: tile.row(r)[..<count])
        gate?.add(to: logits, token: token, column: column)
        rounding.round(logits, .accumulators)
        for j in 0..<count { table[token, column + j] = logits[j] }
      }
    }
  }

  func visitor(_ place: SegmentHead, tokens: [Int]) -> Visitor {
    Visitor(
      tokens: tokens, gate: GateMap(g: inputs.gateWindow(place), scale: scale, convention, rounding: rounding),
      table: table[place.segmentIndex, place.queryHead].mutableView, rounding: rounding)
  }

  func finish(_ visitor: Visitor) {}
}

/// Gives every tile its cotangent from a table.
private struct GivenCotangents<S: Scalar>: BackwardVisitors {
  let scale: S
  let convention: GateConvention
  let cotangent: LogitTable<S>
  let gradients: LogitGradients<S>

  struct Visitor: LogitVisitor {
    let tokens: [Int]
    let table: MatrixView<S>
    let dGate: GateCotangent<S>?

    func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
      for (r, token) in tokens[rows].enumerated() {
        let count = causalCount(token: token, column: column, columns: tile.columns)
        for j in 0..<tile.columns { tile[r, j] = j < count ? table[token, column + j] : .zero }
      }
      dGate?.collect(tile, tokens: tokens[rows], column: column, rounding: NoRounding<S>())
    }
  }

  func emptyCollection(_ group: SegmentGroup) -> GateCotangents<S> {
    GateCotangents(group, isGated: gradients.dg != nil)
  }

  func visitor(_ place: SegmentHead, tokens: [Int], into gates: GateCotangents<S>) -> Visitor {
    Visitor(
      tokens: tokens, table: cotangent[place.segmentIndex, place.queryHead].view, dGate: gates[place.queryHead])
  }

  func finish(_ group: SegmentGroup, _ collections: [GateCotangents<S>]) {
    GateCotangents.finish(
      collections, group, scale: scale, convention, into: gradients.dg, rounding: NoRounding<S>())
  }
}
