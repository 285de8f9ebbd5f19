import LinearAlgebra

/// The forward pass of attention: an online softmax for the queries of every piece.
struct SoftmaxVisitors<S: SoftmaxScalar, Rounding: RoundingModel<S>>: ForwardVisitors {
  let inputs: AttentionInputs<S>
  let outputs: AttentionOutputs<S>
  let rounding: Rounding

  struct Visitor: LogitVisitor {
    let place: SegmentHead
    let softmax: OnlineSoftmax<S, Rounding>

    func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
      softmax.visit(tile, rows: rows, column: column)
    }
  }

  func visitor(_ place: SegmentHead, tokens: [Int]) -> Visitor {
    Visitor(
      place: place,
      softmax: OnlineSoftmax(
        tokens: tokens, gate: GateMap(inputs.gateWindow(place), outputs.function, rounding: rounding),
        V: inputs.v.window(place.segment, head: place.head), rounding: rounding))
  }

  func finish(_ visitor: Visitor) {
    let place = visitor.place
    visitor.softmax.finish(
      outputs.o.mutableWindow(place.segment, head: place.queryHead),
      lse: outputs.lse.mutableWindow(place.segment, head: place.queryHead), outputs.rows(of: place))
  }
}

/// The backward pass of attention.
struct SoftmaxCotangentVisitors<S: SoftmaxScalar, Rounding: RoundingModel<S>>: BackwardVisitors {
  let inputs: AttentionInputs<S>
  let outputs: AttentionOutputs<S>
  let dO: TokenTensor<S>
  let dlse: TokenTensor<S>?
  let gradients: AttentionGradients<S>
  let rounding: Rounding

  struct Collection {
    let dV: Matrix<S>
    let gates: GateCotangents<S>
  }

  func emptyCollection(_ group: SegmentGroup) -> Collection {
    Collection(
      dV: Matrix(rows: group.segment.count, columns: inputs.shape.valueDim),
      gates: GateCotangents(group, isGated: gradients.logit.dg != nil))
  }

  func visitor(_ place: SegmentHead, tokens: [Int], into collection: Collection) -> SoftmaxCotangent<S, Rounding> {
    SoftmaxCotangent(
      tokens: tokens, gate: GateMap(inputs.gateWindow(place), outputs.function, rounding: rounding),
      V: inputs.v.window(place.segment, head: place.head),
      O: outputs.o.window(place.segment, head: place.queryHead),
      dO: dO.window(place.segment, head: place.queryHead),
      dlse: dlse?.window(place.segment, head: place.queryHead), statistics: outputs.rows(of: place),
      dV: collection.dV.mutableView, dGate: collection.gates[place.queryHead], rounding: rounding)
  }

  func finish(_ group: SegmentGroup, _ collections: [Collection]) {
    for collection in collections {
      add(collection.dV, to: gradients.dv.mutableWindow(group.segment, head: group.head))
    }
    GateCotangents.finish(
      collections.map(\.gates), group, outputs.function, into: gradients.logit.dg, rounding: rounding)
  }
}
