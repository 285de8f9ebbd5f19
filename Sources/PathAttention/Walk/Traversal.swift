import Foundation
import LinearAlgebra

/// A walk over all segments and heads of a problem with one of the three forms.
///
/// The key side of a group is prepared once; then its query heads walk over it, piece by piece. Groups of a single piece are
/// spread over the threads; of the larger ones, a few at a time, the pieces are. Queries are scaled before they are
/// given to the form, so the tiles that visitors see are scale · A.
///
/// The sequential product takes no part in rounding.
struct Traversal<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  let inputs: AttentionInputs<S>
  let scale: S
  let form: AttentionForm
  let rounding: Rounding
  let threads: Int
  /// Which queries of a head take part, of those at given tokens of its segment; all when nil.
  var takesPart: (@Sendable (SegmentHead, _ token: Int) -> Bool)?
  let onProgress: (@Sendable (Double) -> Void)?

  init(
    _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, _ execution: AttentionExecution, rounding: Rounding
  ) {
    self.inputs = inputs
    scale = function.scale
    form = execution.form
    self.rounding = rounding
    threads = execution.threads ?? ProcessInfo.processInfo.activeProcessorCount
    onProgress = execution.onProgress
  }

  /// Visits the logits of every query head of every segment that is not empty.
  func forward<Visitors: ForwardVisitors<S>>(_ visitors: Visitors) {
    withForm(ForwardPass(traversal: self, visitors: visitors))
  }

  /// Visits the logits again, takes their cotangents from the visitors, and adds the gradients of q, k, w and β.
  func backward<Visitors: BackwardVisitors<S>>(into gradient: LogitGradients<S>, _ visitors: Visitors) {
    withForm(BackwardPass(traversal: self, visitors: visitors, gradient: gradient))
  }

  // MARK: Groups and pieces

  private func withForm(_ pass: some Pass<S>) {
    let shape = inputs.shape
    let groups = inputs.segments.enumerated().filter { !$1.isEmpty }.flatMap { index, segment in
      (0..<shape.heads).map { head in
        SegmentGroup(
          segmentIndex: index, segment: segment, head: head,
          queryHeads: head * shape.groupSize..<(head + 1) * shape.groupSize)
      }
    }
    let meter = onProgress.map { report in
      ProgressMeter(
        total: inputs.segments.reduce(0) { $0 + $1.count * ($1.count + 1) / 2 } * shape.queryHeads, report: report)
    }
    let isSmall = Dictionary(grouping: groups) { form.hasSinglePiece(length: $0.segment.count) }
    let small = isSmall[true] ?? []
    performTasks(small.count, threads: threads) { run(pass, small[$0...$0], threads: 1, meter) }
    // As many at once as there are threads, so that these find work when a group comes to its end.
    let large = isSmall[false] ?? []
    for batch in ranges(of: large.count, by: threads) { run(pass, large[batch], threads: threads, meter) }
  }

  private func run(_ pass: some Pass<S>, _ groups: ArraySlice<SegmentGroup>, threads: Int, _ meter: ProgressMeter?) {
    func prepared<Form: LogitForm<S>>(
      _ form: @Sendable (_ K: MatrixView<S>, _ W: MatrixView<S>, _ β: MatrixView<S>) -> Form
    ) {
      let prepared = mapTasks(groups.count, threads: threads) { index in
        let group = groups[groups.startIndex + index]
        let form = form(
          inputs.k.window(group.segment, head: group.head), inputs.w.window(group.segment, head: group.head),
          inputs.beta.window(group.segment, head: group.head))
        return PreparedGroup(group: group, form: form)
      }
      pass.run(prepared, threads: threads, meter)
    }
    // What is left for the key side of each.
    let keyThreads = (threads - 1) / max(1, groups.count) + 1
    switch form {
    case .sequentialProduct: prepared { SequentialProduct(K: $0, W: $1, β: $2) }
    case .compactWY: prepared { CompactWY(K: $0, W: $1, β: $2, rounding: rounding) }
    case .blockwise(let blockSize, let levels):
      prepared {
        Blockwise(K: $0, W: $1, β: $2, blockSize: blockSize, levels: levels, threads: keyThreads, rounding: rounding)
      }
    }
  }

  /// The queries of a piece that take part, scaled.
  fileprivate func queries(_ place: SegmentHead, piece: Range<Int>) -> QueryRows<S> {
    let chosen = takesPart.map { takesPart in piece.filter { takesPart(place, $0) } } ?? Array(piece)
    let window = inputs.q.window(place.segment, head: place.queryHead)
    let Q = Matrix<S>(rows: chosen.count, columns: window.columns)
    for (r, token) in chosen.enumerated() {
      let (q, scaled) = (window.row(token), Q.mutableView.row(r))
      for lane in 0..<q.count { scaled[lane] = scale * q[lane] }
    }
    return QueryRows(tokens: chosen, Q: Q.view)
  }
}

extension AttentionForm {
  /// Whether a segment of a length is one piece.
  fileprivate func hasSinglePiece(length: Int) -> Bool {
    switch self {
    case .sequentialProduct: length <= SequentialProduct<Double>.pieceSize
    case .compactWY: true
    case .blockwise(let blockSize, let levels):
      Blockwise<Double, NoRounding<Double>>.hasSinglePiece(length: length, blockSize: blockSize, levels: levels)
    }
  }
}

/// What visits the logits in a forward pass.
protocol ForwardVisitors<Element>: Sendable {
  associatedtype Element: Scalar
  associatedtype Visitor: LogitVisitor<Element>

  /// A visitor for queries of one head.
  func visitor(_ place: SegmentHead, tokens: [Int]) -> Visitor

  /// Called after the last tile.
  func finish(_ visitor: Visitor)
}

/// What gives the logits their cotangents in a backward pass.
protocol BackwardVisitors<Element>: Sendable {
  associatedtype Element: Scalar
  associatedtype Visitor: LogitVisitor<Element>
  /// What visitors that work one after the other collect together.
  associatedtype Collection

  func emptyCollection(_ group: SegmentGroup) -> Collection

  /// A visitor for queries of one head.
  func visitor(_ place: SegmentHead, tokens: [Int], into collection: Collection) -> Visitor

  /// Called after the last tile, with all collections in a fixed order.
  func finish(_ group: SegmentGroup, _ collections: [Collection])
}

/// A group with its key side.
private struct PreparedGroup<Form: LogitForm>: Sendable {
  let group: SegmentGroup
  let form: Form
}

private protocol Pass<Element>: Sendable {
  associatedtype Element: Scalar
  func run<Form: LogitForm<Element>>(_ groups: [PreparedGroup<Form>], threads: Int, _ meter: ProgressMeter?)
}

extension ProgressMeter {
  fileprivate func add(_ tokens: [Int]) { add(tokens.reduce(0) { $0 + $1 + 1 }) }
}

private struct ForwardPass<S: Scalar, Rounding: RoundingModel<S>, Visitors: ForwardVisitors<S>>: Pass {
  typealias Element = S
  let traversal: Traversal<S, Rounding>
  let visitors: Visitors

  func run<Form: LogitForm<S>>(_ groups: [PreparedGroup<Form>], threads: Int, _ meter: ProgressMeter?) {
    let tasks = groups.flatMap { prepared in
      prepared.form.pieces.flatMap { piece in
        prepared.group.queryHeads.map { (form: prepared.form, place: prepared.group.place($0), piece: piece) }
      }
    }
    // Those that see the most keys go first, so that threads finish together.
    let order = tasks.indices.sorted { tasks[$0].piece.lowerBound > tasks[$1].piece.lowerBound }
    performTasks(tasks.count, threads: threads) { index in
      let task = tasks[order[index]]
      let queries = traversal.queries(task.place, piece: task.piece)
      guard !queries.tokens.isEmpty else { return }
      let visitor = visitors.visitor(task.place, tokens: queries.tokens)
      task.form.forward(queries, visitor)
      visitors.finish(visitor)
      meter?.add(queries.tokens)
    }
  }
}

private struct BackwardPass<S: Scalar, Rounding: RoundingModel<S>, Visitors: BackwardVisitors<S>>: Pass {
  typealias Element = S
  let traversal: Traversal<S, Rounding>
  let visitors: Visitors
  let gradient: LogitGradients<S>

  /// Into how many shares the pieces of a group are dealt. Each collects cotangents of the whole key side, in O(L d)
  /// memory; their sum must not depend on the number of threads, so neither does the number of shares.
  private let shareCount = 4

  init(traversal: Traversal<S, Rounding>, visitors: Visitors, gradient: LogitGradients<S>) {
    self.traversal = traversal
    self.visitors = visitors
    self.gradient = gradient
  }

  func run<Form: LogitForm<S>>(_ groups: [PreparedGroup<Form>], threads: Int, _ meter: ProgressMeter?) {
    let shares = groups.indices.flatMap { index in deal(groups[index].form.pieces).map { (group: index, pieces: $0) } }
    let results = mapTasks(shares.count, threads: threads) { index in
      let (group, pieces) = shares[index]
      return Unshared(value: walk(pieces, groups[group].form, groups[group].group, meter))
    }
    for (index, prepared) in groups.enumerated() {
      let (group, form) = (prepared.group, prepared.form)
      let results = zip(shares, results).filter { $0.0.group == index }.map { $0.1.value }
      form.finish(
        results.map(\.cotangent),
        KeyGradient(
          dK: gradient.dk.mutableWindow(group.segment, head: group.head),
          dW: gradient.dw.mutableWindow(group.segment, head: group.head),
          dβ: gradient.dbeta.mutableWindow(group.segment, head: group.head)),
        threads: threads)
      visitors.finish(group, results.map(\.collection))
    }
  }

  /// Pieces see the more keys the later they are: dealt back and forth from the last one, shares come out equal.
  private func deal(_ pieces: [Range<Int>]) -> [[Range<Int>]] {
    let count = min(shareCount, pieces.count)
    var shares = [[Range<Int>]](repeating: [], count: count)
    for (index, piece) in pieces.reversed().enumerated() {
      let (round, place) = index.quotientAndRemainder(dividingBy: count)
      shares[round % 2 == 0 ? place : count - 1 - place].append(piece)
    }
    return shares
  }

  private func walk<Form: LogitForm<S>>(
    _ pieces: [Range<Int>], _ form: Form, _ group: SegmentGroup, _ meter: ProgressMeter?
  ) -> (cotangent: Form.Cotangent, collection: Visitors.Collection) {
    var cotangent = form.zeroCotangent()
    let collection = visitors.emptyCollection(group)
    for piece in pieces {
      for queryHead in group.queryHeads {
        let place = group.place(queryHead)
        let queries = traversal.queries(place, piece: piece)
        guard !queries.tokens.isEmpty else { continue }
        let dQ = Matrix<S>(rows: queries.Q.rows, columns: queries.Q.columns)
        form.backward(
          queries, visitors.visitor(place, tokens: queries.tokens, into: collection), dQ: dQ.mutableView,
          into: &cotangent)
        let window = gradient.dq.mutableWindow(group.segment, head: queryHead)
        for (r, token) in queries.tokens.enumerated() {
          S.addScaled(traversal.scale, dQ.view.row(r), to: window.row(token))
        }
        meter?.add(queries.tokens)
      }
    }
    return (cotangent, collection)
  }
}

/// A value that is used by one thread at a time.
private struct Unshared<Value>: @unchecked Sendable {
  let value: Value
}
