import LinearAlgebra

/// Some new tokens of one sequence of a cache.
struct CachePlace: Sendable {
  let sequence: Int
  /// The tokens among the inputs.
  let tokens: Range<Int>
  /// How many tokens of the sequence come before them.
  let cached: Int

  /// The tokens, counted in the sequence.
  var positions: [Int] { Array(cached..<cached + tokens.count) }
}

/// What looks at the logits of new tokens with every key of their sequence, old and new. Tiles are those of `LogitVisitor`, of
/// the whole sequence; queries come multiplied by the scale.
protocol CacheVisitors<Element>: Sendable {
  associatedtype Element: Scalar
  associatedtype Visitor: LogitVisitor<Element>

  /// Whether anybody looks at logits at all.
  static var wantsLogits: Bool { get }

  /// A visitor for the tokens of a query head.
  func visitor(
    _ place: CachePlace, queryHead: Int, values: MatrixView<Element>, gate: GateMap<Element>?
  ) -> Visitor

  /// Called after the last tile.
  func finish(_ visitor: Visitor, _ place: CachePlace, queryHead: Int)
}

/// Attention of the new tokens to all keys.
struct CachedSoftmax<S: SoftmaxScalar>: CacheVisitors {
  static var wantsLogits: Bool { true }
  let outputs: CachedAttentionOutputs<S>

  func visitor(
    _ place: CachePlace, queryHead: Int, values: MatrixView<S>, gate: GateMap<S>?
  ) -> OnlineSoftmax<S, NoRounding<S>> {
    OnlineSoftmax(tokens: place.positions, gate: gate, V: values, rounding: NoRounding())
  }

  func finish(_ visitor: OnlineSoftmax<S, NoRounding<S>>, _ place: CachePlace, queryHead: Int) {
    visitor.finish(
      outputs.o.mutableWindow(place.tokens, head: queryHead),
      lse: outputs.lse.mutableWindow(place.tokens, head: queryHead),
      from: place.cached)
  }
}

/// The logits themselves, as tables.
struct CachedLogits<S: Scalar>: CacheVisitors {
  static var wantsLogits: Bool { true }
  /// For each sequence and query head, a row for each new token.
  let tables: [[Matrix<S>]]
  /// The first token of each sequence among the inputs.
  let starts: [Int]

  struct Visitor: LogitVisitor {
    let tokens: [Int]
    let gate: GateMap<S>?
    let table: MutableMatrixView<S>

    func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {
      for (r, token) in tokens[rows].enumerated() {
        let count = causalCount(token: token, column: column, columns: tile.columns)
        let logits = UnsafeMutableBufferPointer(rebasing: tile.row(r)[..<count])
        gate?.add(to: logits, token: token, column: column)
        for j in 0..<count { table[rows.lowerBound + r, column + j] = logits[j] }
      }
    }
  }

  func visitor(_ place: CachePlace, queryHead: Int, values: MatrixView<S>, gate: GateMap<S>?) -> Visitor {
    let first = place.tokens.lowerBound - starts[place.sequence]
    return Visitor(
      tokens: place.positions, gate: gate,
      table: tables[place.sequence][queryHead].mutableView.rows(first..<first + place.tokens.count))
  }

  func finish(_ visitor: Visitor, _ place: CachePlace, queryHead: Int) {}
}

/// Nobody: tokens are taken in, and that is all.
struct NoLogits<S: Scalar>: CacheVisitors {
  static var wantsLogits: Bool { false }

  struct Visitor: LogitVisitor {
    func visit(_ tile: MutableMatrixView<S>, rows: Range<Int>, column: Int) {}
  }

  func visitor(_ place: CachePlace, queryHead: Int, values: MatrixView<S>, gate: GateMap<S>?) -> Visitor { Visitor() }
  func finish(_ visitor: Visitor, _ place: CachePlace, queryHead: Int) {}
}
