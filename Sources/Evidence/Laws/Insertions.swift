import PathAttention
import Problems

// Laws about tokens that are inserted with q = k = v = 0 and g = 0: they weigh in the softmax, but only by being there.

/// What an inserted token does.
struct Reflection<S: LawScalar> {
  /// [H, K]
  package let w: [S]
  /// [H]
  package let β: [S]
}

extension Reflection {
  /// The same in every head.
  init(w: [S], β: S, heads: Int) {
    self.init(w: (0..<heads).flatMap { _ in w }, β: Array(repeating: β, count: heads))
  }
}

extension LawCase {
  /// The case with tokens inserted in front of others, in the same segment, and without cotangents; and where the old tokens
  /// are now.
  ///
  /// - Parameter before: What is inserted in front of a token: as many in every sequence of a batch.
  func inserting(_ before: (Int) -> [Reflection<S>]) -> (lawCase: Self, kept: [Int]) {
    let insertions = (0..<shape.tokens).map(before)
    var starts = [0]
    var kept: [Int] = []
    for inserted in insertions {
      kept.append(starts.last! + inserted.count)
      starts.append(kept.last! + 1)
    }
    var changed = mapTensors { tensor, entries in
      let width = entries.count / max(1, shape.tokens)
      return insertions.indices.flatMap { token in
        insertions[token].flatMap { reflection in
          switch tensor {
          case .w: reflection.w
          case .beta: reflection.β
          default: [S](repeating: .zero, count: width)
          }
        } + entries[token * width..<(token + 1) * width]
      }
    }
    changed.segmentBoundaries = segmentBoundaries?.map { starts[$0] }
    changed.shape.length = starts.last! / max(1, shape.batch)
    return (changed, kept)
  }

  /// A token in every segment that is not empty: in the last third, as far from the start in every sequence of a batch.
  fileprivate var places: [Int] {
    segments.filter { !$0.isEmpty }.map { $0.lowerBound + 2 * $0.count / 3 }
  }
}

/// A token with β = 0 as well does nothing but add to the normaliser of every later query, wherever it stands; but it moves
/// the edges of all later blocks. So block sizes cannot matter, seen from outside.
struct DeadTokens: LawBody {
  package let name = "dead tokens"
  package let statement =
    "where tokens with q = k = v = β = g = 0 stand cannot matter to later queries: block edges may move"

  /// The gate tells a key's place.
  package func applies(to problem: Problem) -> Bool { problem.gate == nil }

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let shape = trial.original.shape
    let zeros = [Subject.Number](repeating: .zero, count: shape.keyDim)
    let dead = Array(
      repeating: Reflection(w: zeros, β: Subject.Number.zero, heads: shape.heads),
      count: Int.random(in: 1...3, using: &trial.random))
    let places = trial.original.places
    let starts = trial.original.segments.filter { !$0.isEmpty }.map(\.lowerBound)
    var isLater = [Bool](repeating: false, count: shape.tokens)
    for (segment, place) in zip(trial.original.segments.filter { !$0.isEmpty }, places) {
      for token in place..<segment.upperBound { isLater[token] = true }
    }
    let original = trial.original.withoutCotangents { !isLater[$0] }
    let (near, nearTokens) = original.inserting { places.contains($0) ? dead : [] }
    let (far, farTokens) = original.inserting { starts.contains($0) ? dead : [] }
    func kept(
      _ lawCase: LawCase<Subject.Number>, _ tokens: [Int]
    ) -> (AttentionTensor, [Subject.Number]) -> [Subject.Number] {
      { tensor, entries in
        // Outputs of earlier queries differ: some see the dead tokens and some do not.
        let isGradient = lawCase.gradients.contains(tensor)
        return lawCase.rows(entries, tokens.indices.filter { isGradient || isLater[$0] }.map { tokens[$0] })
      }
    }
    try trial.compare(near, far, slack: 1, first: kept(near, nearTokens), second: kept(far, farTokens))
  }
}

/// H H = I where β‖w‖² = 2.
struct CancellingPair: LawBody {
  package let name = "cancelling pair"
  package let statement =
    "a pair of equal reflections with β‖w‖² = 2, inserted anywhere, does what a pair with β = 0 does"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let shape = trial.original.shape
    let w = (0..<shape.heads * shape.keyDim).map { _ in Subject.Number.random(using: &trial.random) }
    let β = (0..<shape.heads).map { head in
      let w = Array(w[head * shape.keyDim..<(head + 1) * shape.keyDim])
      return Subject.Number(2) / inner(w, w)
    }
    let places = trial.original.places
    let (still, tokens) = trial.original.inserting {
      places.contains($0) ? Array(repeating: Reflection(w: w, β: β.map { _ in Subject.Number.zero }), count: 2) : []
    }
    let (reflecting, _) = trial.original.inserting {
      places.contains($0) ? Array(repeating: Reflection(w: w, β: β), count: 2) : []
    }
    func kept(_ tensor: AttentionTensor, _ entries: [Subject.Number]) -> [Subject.Number] {
      still.rows(entries, tokens)
    }
    try trial.compare(still, reflecting, slack: 1, first: kept, second: kept)
  }
}
