import LinearAlgebra

/// The logits of one query and of some neighbouring keys.
package struct LogitStretch {
  /// The token of the query, over the whole batch, and its head.
  package let token: Int
  package let queryHead: Int
  /// The first key, over the whole batch.
  package let firstKey: Int
  /// S_ij of the keys from the first one on.
  package let logits: UnsafeBufferPointer<Double>

  package init(token: Int, queryHead: Int, firstKey: Int, logits: UnsafeBufferPointer<Double>) {
    self.token = token
    self.queryHead = queryHead
    self.firstKey = firstKey
    self.logits = logits
  }
}

/// Hands out the logits S_ij = scale · A_ij + gate_ij of some queries, stretch after stretch, always in the same order.
///
/// - Parameters:
///   - inputs: q, k, w, β and, if there is a gate, g.
///   - function: Scale and gate convention.
///   - form: Which form computes them.
///   - takesPart: Whether the query of a token, over the whole batch, and head is wanted.
///   - body: Called for every key j ≤ i of these queries once.
/// - Complexity: That of the form for these queries, on one thread; O(L d) memory.
package func forEachLogitStretch(
  _ inputs: AttentionInputs<Double>, _ function: AttentionFunction<Double>, form: AttentionForm,
  where takesPart: @escaping @Sendable (_ token: Int, _ queryHead: Int) -> Bool,
  _ body: @escaping @Sendable (LogitStretch) -> Void
) {
  var traversal = Traversal(inputs, function, AttentionExecution(form: form, threads: 1), rounding: NoRounding())
  traversal.takesPart = { place, token in takesPart(place.segment.lowerBound + token, place.queryHead) }
  traversal.forward(StretchVisitors(inputs: inputs, function: function, body: body))
}

private struct StretchVisitors: ForwardVisitors {
  let inputs: AttentionInputs<Double>
  let function: AttentionFunction<Double>
  let body: @Sendable (LogitStretch) -> Void

  struct Visitor: LogitVisitor {
    let place: SegmentHead
    let tokens: [Int]
    let gate: GateMap<Double>?
    let body: @Sendable (LogitStretch) -> Void

    func visit(_ tile: MutableMatrixView<Double>, rows: Range<Int>, column: Int) {
      for (r, token) in tokens[rows].enumerated() {
        let count = causalCount(token: token, column: column, columns: tile.columns)
        let logits = UnsafeMutableBufferPointer(rebasing: tile.row(r)[..<count])
        gate?.add(to: logits, token: token, column: column)
        let start = place.segment.lowerBound
        body(
          LogitStretch(
            token: start + token, queryHead: place.queryHead, firstKey: start + column,
            logits: UnsafeBufferPointer(logits)))
      }
    }
  }

  func visitor(_ place: SegmentHead, tokens: [Int]) -> Visitor {
    Visitor(
      place: place, tokens: tokens,
      gate: GateMap(inputs.gateWindow(place), function, rounding: NoRounding<Double>()), body: body)
  }

  func finish(_ visitor: Visitor) {}
}
