import PathAttention

/// The rows that rounding decides: those of queries in which the honest error of a logit is more than 1/4, so that P is off by
/// more than a quarter, and those of gradients that such queries contribute to.
///
/// The log-sum-exp of a row moves as the logits of the keys do that are attended to, so its envelope is theirs.
struct UndeterminedRows {
  /// Up to which error of a logit P is still known.
  static let usableLogitError = 0.25

  private let queryHeads: Int
  private let groupSize: Int
  /// For every token and query head, whether the row is undetermined.
  private var queries: [Bool]
  /// For every token and query head, whether one of the same or a later token of the segment is.
  private var laterQueries: [Bool]

  init(_ lse: TensorEnvelope?, _ inputs: AttentionInputs<Double>) {
    queryHeads = inputs.shape.queryHeads
    groupSize = inputs.shape.groupSize
    queries = lse?.rows.map { $0 > Self.usableLogitError } ?? []
    laterQueries = queries
    guard !queries.isEmpty else { return }
    for segment in inputs.segments {
      for token in segment.dropLast().reversed() {
        for row in token * queryHeads..<(token + 1) * queryHeads where laterQueries[row + queryHeads] {
          laterQueries[row] = true
        }
      }
    }
  }

  /// Whether a row of a tensor, token after token and head after head, is undetermined.
  func contain(_ row: Int, of tensor: AttentionTensor) -> Bool {
    guard !queries.isEmpty else { return false }
    switch tensor {
    case .o, .dq: return queries[row]
    case .dg: return laterQueries[row]
    case .dk, .dv, .dw, .dbeta:
      let (token, head) = row.quotientAndRemainder(dividingBy: queryHeads / groupSize)
      let first = token * queryHeads + head * groupSize
      return laterQueries[first..<first + groupSize].contains(true)
    default: return false
    }
  }
}
