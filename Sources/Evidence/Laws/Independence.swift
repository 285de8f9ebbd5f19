import PathAttention
import Problems

// Laws that say what a token cannot see: the future, other sequences, and how long its own goes on.

/// The future weighs nothing: where it enters a sum at all, it is multiplied by zero, and rounding cannot tell. So equality
/// is due bit for bit, and the gradients of what was not seen are zero.
struct NoFuture: LawBody {
  package let name = "no future"
  package let statement = "other tokens after a query change nothing, bit for bit, and get no gradient from it"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let tokens = trial.original.shape.tokens
    var isFuture = [Bool](repeating: false, count: tokens)
    for segment in trial.original.segments {
      for token in segment.dropFirst(segment.count / 2 + 1) { isFuture[token] = true }
    }
    let original = trial.original.withoutCotangents { isFuture[$0] }
    var random = trial.random
    let changed = original.mapTensors { tensor, entries in
      guard tensor != .do && tensor != .dlse else { return entries }
      let width = entries.count / max(1, tokens)
      return entries.indices.map { index in
        guard isFuture[index / width] else { return entries[index] }
        switch tensor {
        case .beta: return Subject.Number(2) - entries[index]
        case .g: return entries[index] - .one
        default: return Subject.Number.random(using: &random)
        }
      }
    }
    let past = (0..<tokens).filter { !isFuture[$0] }
    let future = (0..<tokens).filter { isFuture[$0] }
    try trial.compare(original, changed, slack: 0) {
      original.rows($1, past)
    } second: {
      original.rows($1, past)
    }
    let found = try trial.subject.tensors(changed)
    for tensor in changed.gradients {
      let unseen = changed.rows(found[tensor]!, future)
      trial.expect("\(tensor) of the future", unseen, equals: unseen.map { _ in .zero }, within: 0)
    }
  }
}

/// The start of a sequence does not know how long the sequence goes on, nor by how much it misses the end of a block. Sums
/// may be cut up differently, so results are equal within the bounds of both.
struct Prefix: LawBody {
  package let name = "prefix"
  package let statement = "the first tokens of a sequence have the same results when the sequence ends with them"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    guard let segment = trial.original.segments.max(by: { $0.count < $1.count }) else { return }
    let prefix = segment.lowerBound..<segment.lowerBound + Int.random(in: 0...segment.count, using: &trial.random)
    let whole = trial.original.withoutCotangents { segment.contains($0) && !prefix.contains($0) }
    try trial.compare(whole, whole.sequence(prefix), slack: 1) { whole.rows($1, prefix) }
  }
}

/// Sequences that are packed, or in one batch, do not see each other. Alone they are the same problems, within the bounds of
/// both.
struct SeparateSequences: LawBody {
  package let name = "separate sequences"
  package let statement = "packed or batched sequences have the results that each has alone"

  package func applies(to problem: Problem) -> Bool { problem.segmentBoundaries != nil || problem.shape.batch > 1 }

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let together = trial.original
    for segment in together.segments {
      try trial.compare(together, together.sequence(segment), slack: 1) { together.rows($1, segment) }
    }
  }
}
