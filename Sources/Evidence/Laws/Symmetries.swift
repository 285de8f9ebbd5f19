import LinearAlgebra
import PathAttention
import Problems

// Laws that say: a change of the inputs leaves every logit what it is, and changes the gradients in a known way.

/// H_t = I − β_t w_tᵀ w_t does not know the sign of w_t. In floating point neither: every product in which w_t stands changes
/// its sign or keeps it, and rounding to nearest treats both signs alike, so equality is due bit for bit.
struct SignOfReflections: LawBody {
  package let name = "sign of w"
  package let statement = "w → −w, at any tokens, changes nothing but the sign of dw there, bit for bit"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let signs = trial.original[.beta].map { _ in Subject.Number(Bool.random(using: &trial.random) ? 1 : -1) }
    var changed = trial.original
    changed[.w] = changed[.w].scaled(byRow: signs)
    try trial.compare(trial.original, changed, slack: 0) { tensor, entries in
      tensor == .dw ? entries.scaled(byRow: signs) : entries
    }
  }
}

/// H_t depends on w_t and β_t only through β_t w_tᵀ w_t. With powers of two as c, products with c do not round, so equality
/// is due bit for bit.
struct LengthOfReflections: LawBody {
  package let name = "length of w"
  package let statement =
    "(w, β) → (c w, β/c²), c a power of two at each token, changes only dw → dw/c and dβ → c² dβ, bit for bit"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let two = Subject.Number(2)
    let c = trial.original[.beta].map { _ in
      [.one / two, .one, two, two * two].randomElement(using: &trial.random)!
    }
    let inverse = c.map { Subject.Number.one / $0 }
    var changed = trial.original
    changed[.w] = changed[.w].scaled(byRow: c)
    changed[.beta] = changed[.beta].scaled(byRow: inverse).scaled(byRow: inverse)
    try trial.compare(trial.original, changed, slack: 0) { tensor, entries in
      switch tensor {
      case .dw: entries.scaled(byRow: inverse)
      case .dbeta: entries.scaled(byRow: c).scaled(byRow: c)
      default: entries
      }
    }
  }
}

/// The logits depend on q, k and w only through inner products.
///
/// Rotating the inputs moves each of them by a relative 4 (K + 4) u at most (two reflections). That moves each of L
/// reflections by 4 times as much and a logit by 16 L (K + 4) u altogether: less than twice the ε = 10 u L (L + K) of
/// `ErrorBound`. With the bound of either evaluation that makes 4 bounds, shared by the two of which a slack of 2 is taken.
struct ChangeOfBasis: LawBody {
  package let name = "change of basis"
  package let statement = "q, k, w → qO, kO, wO for one orthogonal O changes only dq, dk, dw, which turn with them"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let lanes = trial.original.shape.keyDim
    let axes = (0..<2).map { _ in (0..<lanes).map { _ in Subject.Number.random(using: &trial.random) } }
    /// x → x (I − 2 uᵀu/‖u‖²) for each axis u and each row of lanes.
    func turn(_ entries: [Subject.Number]) -> [Subject.Number] {
      axes.reduce(entries) { entries, u in
        let factor = Subject.Number(2) / inner(u, u)
        return stride(from: 0, to: entries.count, by: lanes).flatMap { start -> [Subject.Number] in
          let x = Array(entries[start..<start + lanes])
          let step = factor * inner(x, u)
          return zip(x, u).map { $0 - step * $1 }
        }
      }
    }
    let changed = trial.original.mapTensors { [.q, .k, .w].contains($0) ? turn($1) : $1 }
    try trial.compare(trial.original, changed, slack: 2) { tensor, entries in
      [.dq, .dk, .dw].contains(tensor) ? turn(entries) : entries
    }
  }
}

/// Heads do not see each other, and query head h reads key/value head h / (HQ/H). Sums over a group may be taken in another
/// order, so gradients of the key side are equal up to rounding only.
struct OrderOfHeads: LawBody {
  package let name = "order of heads"
  package let statement =
    "key/value heads in another order, each with its query heads in another order, give the same in that order"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let shape = trial.original.shape
    let heads = (0..<shape.heads).shuffled(using: &trial.random)
    let queryHeads = heads.flatMap { head in
      (0..<shape.groupSize).shuffled(using: &trial.random).map { head * shape.groupSize + $0 }
    }
    func reorder(_ tensor: AttentionTensor, _ entries: [Subject.Number]) -> [Subject.Number] {
      // With as many query heads as heads the two orders are the same.
      let count = shape.layout(of: tensor).heads
      return select(count == shape.heads ? heads : queryHeads, of: count, entries, tokens: shape.tokens)
    }
    try trial.compare(trial.original, trial.original.mapTensors(reorder), slack: 1, first: reorder)
  }
}

/// A group of query heads reads one key side, and its gradients are summed.
struct SharedHeads: LawBody {
  package let name = "shared heads"
  package let statement =
    "k, v, w, β repeated for each query head of their group give the same; their gradients sum to the shared ones"

  package func applies(to problem: Problem) -> Bool { problem.shape.groupSize > 1 }

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let shape = trial.original.shape
    let readers = (0..<shape.queryHeads).map { $0 / shape.groupSize }
    var changed = trial.original.mapTensors { tensor, entries in
      [.k, .v, .w, .beta].contains(tensor) ? select(readers, of: shape.heads, entries, tokens: shape.tokens) : entries
    }
    changed.shape.heads = shape.queryHeads
    try trial.compare(trial.original, changed, slack: 1) { tensor, entries in
      entries
    } second: { tensor, entries in
      guard [.dk, .dv, .dw, .dbeta].contains(tensor) else { return entries }
      return (0..<shape.groupSize).reduce([Subject.Number](repeating: .zero, count: entries.count / shape.groupSize)) {
        let members = stride(from: $1, to: shape.queryHeads, by: shape.groupSize)
        return $0.plus(select(Array(members), of: shape.queryHeads, entries, tokens: shape.tokens))
      }
    }
  }
}

/// scale · (c_i − c_j) with g is c_i − c_j with scale · g. With 1/2 as scale nothing rounds.
struct ConversionOfGates: LawBody {
  package let name = "conversion of gates"
  package let statement = "the scaled gate of g is the unscaled gate of scale · g; with 1/2 as scale, bit for bit"

  package func applies(to problem: Problem) -> Bool { problem.gate != nil }

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let half = Subject.Number.one / Subject.Number(2)
    var scaled = trial.original
    scaled.function = AttentionFunction(scale: half)
    var unscaled = scaled
    unscaled.function.gate = .unscaled
    unscaled[.g] = scaled[.g].scaled(by: half)
    try trial.compare(scaled, unscaled, slack: 0) { tensor, entries in
      entries
    } second: { tensor, entries in
      tensor == .dg ? entries.scaled(by: half) : entries
    }
  }
}

/// The logits know scale and q only as a product, unless the gate is scaled as well. Doubling does not round.
struct ScaleOfQueries: LawBody {
  package let name = "scale of queries"
  package let statement = "(q, scale) → (2 q, scale/2) changes only dq → dq/2, bit for bit"

  package func applies(to problem: Problem) -> Bool { problem.gate == nil || problem.convention == .unscaled }

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let two = Subject.Number(2)
    var changed = trial.original
    changed[.q] = changed[.q].scaled(by: two)
    changed.function.scale = changed.function.scale / two
    try trial.compare(trial.original, changed, slack: 0) { tensor, entries in
      tensor == .dq ? entries.scaled(by: .one / two) : entries
    }
  }
}

/// The interval (j, i] never contains the first token of a segment. A change of g there moves all cumulative sums, which
/// rounds; the bound counts that.
struct FirstToken: LawBody {
  package let name = "first token"
  package let statement = "w, β and g of the first token of a segment act on nothing"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let original = trial.original
    let starts = Set(original.segments.filter { !$0.isEmpty }.map(\.lowerBound))
    let lanes = original.shape.keyDim
    let changed = original.mapTensors { tensor, entries in
      let width = entries.count / max(1, original.shape.tokens)
      return entries.indices.map { index in
        guard starts.contains(index / width) else { return entries[index] }
        switch tensor {
        case .w: return entries[index / lanes * lanes + (index + 1) % lanes]
        case .beta: return Subject.Number(2) - entries[index]
        case .g: return entries[index] - .one
        default: return entries[index]
        }
      }
    }
    try trial.compare(original, changed, slack: 1)
  }
}

/// Σ x_a y_a.
func inner<S: LawScalar>(_ x: [S], _ y: [S]) -> S { zip(x, y).reduce(.zero) { $0 + $1.0 * $1.1 } }

/// Some heads of a tensor that has `count` of them, in the order given, with repetition if wanted.
private func select<S>(_ heads: [Int], of count: Int, _ entries: [S], tokens: Int) -> [S] {
  let lanes = entries.count / max(1, tokens * count)
  return (0..<tokens).flatMap { token in
    heads.flatMap { head -> ArraySlice<S> in
      let start = (token * count + head) * lanes
      return entries[start..<start + lanes]
    }
  }
}
