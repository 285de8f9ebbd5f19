import LinearAlgebra

/// The logits S_ij = scale · A_ij + gate_ij themselves, which are polynomials in the inputs, over any scalar.
///
/// This is the same traversal and the same text of the forms that `attention` uses; only the softmax is missing. Over an
/// exact scalar, equal tables mean equal numbers.
///
/// - Parameters:
///   - inputs: q, k, w, β and, if there is a gate, g. The values play no part.
///   - function: Scale and gate convention.
///   - form: Which form computes A.
/// - Returns: One L × L lower triangular matrix for every segment and query head.
/// - Throws: `AttentionError` when the form makes no sense.
/// - Complexity: That of the form, and Σ L² memory for every query head.
@specialized(where S == Double)
@specialized(where S == PrimeField)
@specialized(where S == Dual<PrimeField>)
@specialized(where S == Degree)
public func logits<S: Scalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, form: AttentionForm
) throws(AttentionError) -> LogitTable<S> {
  try logitTable(inputs, function, form: form, rounding: NoRounding())
}

func logitTable<S: Scalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, form: AttentionForm, rounding: some RoundingModel<S>
) throws(AttentionError) -> LogitTable<S> {
  try form.validate()
  let table = LogitTable<S>(inputs)
  Traversal(inputs, function, AttentionExecution(form: form), rounding: rounding).forward(
    LogitCollectors(inputs: inputs, function: function, table: table, rounding: rounding))
  return table
}

/// The gradients of Σ C ∘ S, for a cotangent C of the logits, with respect to q, k, w, β and g, over any scalar.
///
/// - Parameters:
///   - inputs: What the logits were computed from.
///   - cotangent: C; entries with j > i are ignored.
///   - function: Scale and gate convention.
///   - form: Which form computes the gradients.
/// - Throws: `AttentionError` when the form makes no sense.
/// - Precondition: The cotangent was made for inputs of this shape and these segments.
@specialized(where S == Double)
@specialized(where S == PrimeField)
@specialized(where S == Degree)
public func logitGradients<S: Scalar>(
  of inputs: AttentionInputs<S>, cotangent: LogitTable<S>, _ function: AttentionFunction<S>, form: AttentionForm
) throws(AttentionError) -> LogitGradients<S> {
  try form.validate()
  let gradients = LogitGradients(inputs)
  Traversal(inputs, function, AttentionExecution(form: form), rounding: NoRounding()).backward(
    into: gradients, GivenCotangents(function: function, cotangent: cotangent, gradients: gradients))
  return gradients
}

/// Copies the logits into a table.
private struct LogitCollectors<S: Scalar, Rounding: RoundingModel<S>>: ForwardVisitors {
  let inputs: AttentionInputs<S>
  let function: AttentionFunction<S>
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
      tokens: tokens, gate: GateMap(inputs.gateWindow(place), function, rounding: rounding),
      table: table[place.segmentIndex, place.queryHead].mutableView, rounding: rounding)
  }

  func finish(_ visitor: Visitor) {}
}

/// Gives every tile its cotangent from a table.
private struct GivenCotangents<S: Scalar>: BackwardVisitors {
  let function: AttentionFunction<S>
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
      collections, group, function, into: gradients.dg, rounding: NoRounding<S>())
  }
}
