import LinearAlgebra

/// One query head in one segment.
struct SegmentHead: Sendable {
  /// The place of the segment among all segments, and its tokens.
  let segmentIndex: Int
  let segment: Range<Int>
  let queryHead: Int
  /// The key/value head that the query head reads.
  let head: Int
}

/// A walk over all segments and heads of a problem with one of the three forms.
///
/// The unit of work is one key/value head of one segment: the form prepares its key side once, and the query heads of the
/// group use it in turn. Units run in parallel; they share no results.
struct Traversal<S: Scalar>: Sendable {
  let inputs: AttentionInputs<S>
  let options: AttentionOptions

  /// Visits the logits of every query head of every segment that is not empty.
  func forward<Visitor: LogitVisitor<S>>(visitor: @escaping @Sendable (SegmentHead) -> Visitor) {
    withForm(ForwardPass(traversal: self, visitor: visitor))
  }

  /// Visits the logits again, takes their cotangents from the visitors, and adds the gradients of q, k, w and β.
  func backward<Visitor: LogitVisitor<S>>(
    into gradient: LogitGradients<S>, visitor: @escaping @Sendable (SegmentHead) -> Visitor
  ) {
    withForm(BackwardPass(traversal: self, visitor: visitor, gradient: gradient))
  }

  // MARK: Units of work

  fileprivate struct Unit: Sendable {
    let segmentIndex: Int
    let segment: Range<Int>
    let head: Int
  }

  private func withForm(_ pass: some Pass<S>) {
    let shape = inputs.shape
    let units = inputs.segments.enumerated().filter { !$1.isEmpty }.flatMap { index, segment in
      (0..<shape.heads).map { Unit(segmentIndex: index, segment: segment, head: $0) }
    }
    let meter = options.onProgress.map { report in
      ProgressMeter(
        total: inputs.segments.reduce(0) { $0 + $1.count * ($1.count + 1) / 2 } * shape.queryHeads, report: report)
    }
    performTasks(units.count, threads: options.threads) { index in
      let unit = units[index]
      let K = inputs.k.window(unit.segment, head: unit.head)
      let W = inputs.w.window(unit.segment, head: unit.head)
      let β = inputs.beta.window(unit.segment, head: unit.head)
      switch options.form {
      case .sequentialProduct: pass.run(SequentialProduct(K: K, W: W, β: β), unit, meter)
      case .compactWY: pass.run(CompactWY(K: K, W: W, β: β), unit, meter)
      case .blockwise(let size): pass.run(Blockwise(K: K, W: W, β: β, blockSize: size), unit, meter)
      }
    }
  }

  fileprivate func forEachQueryHead(of unit: Unit, _ body: (SegmentHead, _ Q: MatrixView<S>) -> Void) {
    let size = inputs.shape.groupSize
    for queryHead in unit.head * size..<(unit.head + 1) * size {
      body(
        SegmentHead(
          segmentIndex: unit.segmentIndex, segment: unit.segment, queryHead: queryHead, head: unit.head),
        inputs.q.window(unit.segment, head: queryHead))
    }
  }
}

private protocol Pass<Element>: Sendable {
  associatedtype Element: Scalar
  func run(_ form: some LogitForm<Element>, _ unit: Traversal<Element>.Unit, _ meter: ProgressMeter?)
}

private struct ForwardPass<S, Visitor: LogitVisitor<S>>: Pass {
  let traversal: Traversal<S>
  let visitor: @Sendable (SegmentHead) -> Visitor

  func run(_ form: some LogitForm<S>, _ unit: Traversal<S>.Unit, _ meter: ProgressMeter?) {
    traversal.forEachQueryHead(of: unit) { place, Q in
      let visitor = visitor(place)
      form.forward(Q, MeteredVisitor(base: visitor, meter: meter))
      visitor.finish()
    }
  }
}

private struct BackwardPass<S, Visitor: LogitVisitor<S>>: Pass {
  let traversal: Traversal<S>
  let visitor: @Sendable (SegmentHead) -> Visitor
  let gradient: LogitGradients<S>

  func run(_ form: some LogitForm<S>, _ unit: Traversal<S>.Unit, _ meter: ProgressMeter?) {
    var cotangent = form.zeroCotangent()
    traversal.forEachQueryHead(of: unit) { place, Q in
      let visitor = visitor(place)
      let dQ = gradient.dq.mutableWindow(unit.segment, head: place.queryHead)
      form.backward(Q, MeteredVisitor(base: visitor, meter: meter), dQ: dQ, into: &cotangent)
      visitor.finish()
    }
    form.finish(
      cotangent,
      KeyGradient(
        dK: gradient.dk.mutableWindow(unit.segment, head: unit.head),
        dW: gradient.dw.mutableWindow(unit.segment, head: unit.head),
        dβ: gradient.dbeta.mutableWindow(unit.segment, head: unit.head)))
  }
}
