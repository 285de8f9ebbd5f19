import LinearAlgebra

/// O ← P V for rows of logits that are there as a whole, with P their softmax, and the log-sum-exp of each.
///
/// - Parameters:
///   - logits: One row for each query; used as scratch.
///   - count: How many entries of row r there are; those after them have no meaning.
///   - V: One row for each column of the logits.
///   - O: Where the outputs go.
///   - lse: Where the log-sum-exp of row r goes.
func denseSoftmax<S: SoftmaxScalar>(
  _ logits: MutableMatrixView<S>, count: (_ r: Int) -> Int, V: MatrixView<S>, into O: MutableMatrixView<S>,
  lse: MutableMatrixView<S>
) {
  let sums = (0..<logits.rows).map { r -> S in
    let entries = logits.row(r)
    let row = UnsafeMutableBufferPointer(rebasing: entries[..<count(r)])
    let m = S.pivot(of: UnsafeBufferPointer(row))
    let sum = S.exponentiate(row, minus: m)
    for j in row.count..<entries.count { entries[j] = .zero }
    lse[r, 0] = S.logSumExp(pivot: m, sum: sum)
    return sum
  }
  multiply(logits, V, into: O)
  for r in 0..<O.rows {
    let o = O.row(r)
    for lane in 0..<o.count { o[lane] = o[lane] / sums[r] }
  }
}
