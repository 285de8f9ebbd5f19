import LinearAlgebra
import PathAttention
import Problems

// Laws that say: for inputs of a special kind the products of reflections have a closed form.

/// One query head in one segment, a row for each token.
struct HeadRows<S: LawScalar> {
  package let Q, K, W: [[S]]
  package let β: [S]
}

/// A law that names the unscaled logits A for inputs of a special kind.
///
/// From them o and the log-sum-exp follow by a softmax written out. In `Double` the closed form is one more algorithm that
/// applies at most twice as many reflections (or inner products of their size) as the logits have, so with an evaluation
/// of the subject it may be off by three bounds.
protocol ClosedForm: LawBody {
  /// The case, made special.
  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S>

  /// A, row i with keys 0 … i.
  func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]]
}

extension ClosedForm {
  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let special = specialised(trial.original.forwardOnly)
    let found = try trial.subject.tensors(special)
    let bounds = try trial.subject.bounds(special)
    let logits = special.logits(self.logits)
    let (o, lse) = special.attend { logits[$0][$1][$2] }
    trial.expect("o", found[.o]!, equals: o, within: 3 * (bounds[.o] ?? 0))
    trial.expect("lse", found[.lse]!, equals: lse, within: 3 * (bounds[.lse] ?? 0))
  }
}

extension LawCase {
  /// scale · A + gate of every segment and query head, row i with keys 0 … i.
  fileprivate func logits(_ closedForm: (HeadRows<S>) -> [[S]]) -> [[[[S]]]] {
    segments.map { segment in
      (0..<shape.queryHeads).map { queryHead in
        let head = queryHead / shape.groupSize
        let A = closedForm(
          HeadRows(
            Q: self.head(.q, queryHead, segment), K: self.head(.k, head, segment), W: self.head(.w, head, segment),
            β: self.head(.beta, head, segment).map { $0[0] }))
        guard tensors[.g] != nil else { return A.map { $0.scaled(by: function.scale) } }
        let factor = function.gate == .scaled ? function.scale : .one
        let g = self.head(.g, queryHead, segment).map { $0[0] }
        return A.enumerated().map { i, row in
          // The gate of (i, j) is that of (i, j+1) plus factor · g_{j+1}.
          var decay = S.zero
          var logits = row
          for j in (0...i).reversed() {
            logits[j] = function.scale * row[j] + factor * decay
            decay += g[j]
          }
          return logits
        }
      }
    }
  }

  /// The rows of one head of a tensor.
  private func head(_ tensor: AttentionTensor, _ head: Int, _ tokens: Range<Int>) -> [[S]] {
    let layout = shape.layout(of: tensor)
    let lanes = layout.lanes ?? 1
    return tokens.map { token in
      let start = (token * layout.heads + head) * lanes
      return Array(self[tensor][start..<start + lanes])
    }
  }
}

/// β = 0 makes every H the identity.
struct NoReflections: ClosedForm {
  package let name = "no reflections"
  package let statement = "β = 0 is plain causal attention"

  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S> {
    lawCase.mapTensors { $0 == .beta ? $1.map { _ in .zero } : $1 }
  }

  package func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]] {
    rows.Q.indices.map { i in (0...i).map { j in inner(rows.Q[i], rows.K[j]) } }
  }
}

/// With one w, products of H stay of the form I − c wᵀw, and (I − β wᵀw)(I − c wᵀw) has 1 − β‖w‖² and 1 − c‖w‖² multiplied.
struct RepeatedReflection: ClosedForm {
  package let name = "one w"
  package let statement = "one w at all tokens gives H_i … H_j+1 = I − c wᵀw with c‖w‖² = 1 − ∏ (1 − β_t‖w‖²)"

  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S> {
    let width = lawCase.shape.heads * lawCase.shape.keyDim
    return lawCase.mapTensors { tensor, entries in
      tensor == .w ? entries.indices.map { entries[$0 % width] } : entries
    }
  }

  package func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]] {
    guard let w = rows.W.first else { return [] }
    let n = inner(w, w)
    return rows.Q.indices.map { i in
      var product = S.one
      return (0...i).reversed().map { j in
        let c = n == .zero ? .zero : (.one - product) / n
        product = product * (.one - rows.β[j] * n)
        return inner(rows.Q[i], rows.K[j]) - c * inner(rows.Q[i], w) * inner(w, rows.K[j])
      }.reversed()
    }
  }
}

/// With W = K, A_ij = q_i·k_j − Σ_{j<m≤i} A_im β_m k_m·k_j, which is A (I + stril(diag(β) K Kᵀ)) = tril(Q Kᵀ).
struct KeysAsReflections: ClosedForm {
  package let name = "w = k"
  package let statement = "W = K gives A = tril(Q Kᵀ) (I + stril(diag(β) K Kᵀ))⁻¹"

  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S> {
    // The keys become w, whose length is under control, so that products do not grow.
    lawCase.mapTensors { $0 == .k ? lawCase[.w] : $1 }
  }

  package func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]] {
    let L = rows.K.count
    let D = Matrix<S>(rows: L, columns: L)
    let A = Matrix<S>(rows: L, columns: L)
    for i in 0..<L {
      for j in 0...i {
        D.mutableView[i, j] = rows.β[i] * inner(rows.K[i], rows.K[j])
        A.mutableView[i, j] = inner(rows.Q[i], rows.K[j])
      }
    }
    solve(unitTriangular: D.transposed, .upper, A.mutableView.transposed)
    return (0..<L).map { Array(A.rowEntries($0)[...$0]) }
  }
}

/// With β‖w‖² = 2 each H is orthogonal and its own inverse, so with R_t = H_t … H_0, H_i … H_{j+1} = R_i R_jᵀ.
struct OrthogonalReflections: ClosedForm {
  package let name = "orthogonal reflections"
  package let statement = "β‖w‖² = 2 gives the absolute form A_ij = (q_i R_i)·(k_j R_j) with R_t = H_t … H_0"

  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S> {
    let lanes = lawCase.shape.keyDim
    let w = lawCase[.w]
    return lawCase.mapTensors { tensor, entries in
      guard tensor == .beta else { return entries }
      return entries.indices.map { row in
        let w = Array(w[row * lanes..<(row + 1) * lanes])
        return S(2) / inner(w, w)
      }
    }
  }

  package func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]] {
    func carried(_ x: [S], from t: Int) -> [S] {
      (0...t).reversed().reduce(x) { x, s in
        let step = rows.β[s] * inner(x, rows.W[s])
        return zip(x, rows.W[s]).map { $0 - step * $1 }
      }
    }
    let Q = rows.Q.indices.map { carried(rows.Q[$0], from: $0) }
    let K = rows.K.indices.map { carried(rows.K[$0], from: $0) }
    return Q.indices.map { i in (0...i).map { inner(Q[i], K[$0]) } }
  }
}

/// A rotation of a plane is two reflections, so rotary position encoding is the multiplicative form with two tokens of q = k
/// = v = 0 for each plane in front of every token, and β = 0 at the token itself. The planes are lanes 2a and 2a + 1, and
/// plane a turns by the angle θ_a = 2 arctan(1/(a + 1)) per token.
struct RotaryPositions: ClosedForm {
  package let name = "rotary positions"
  package let statement = "two reflections per plane and token give RoPE, A_ij = Re Σ_a q_ia e^{i(i−j)θ_a} k̄_ja"

  /// The sequence grows by a factor K + 1.
  package func applies(to problem: Problem) -> Bool { problem.shape.keyDim >= 2 && problem.shape.length <= 12 }

  private func planes(_ lanes: Int) -> Int { lanes / 2 }

  private func tangent<S: LawScalar>(_ plane: Int) -> S { .one / S(plane + 1) }

  func specialised<S: LawScalar>(_ lawCase: LawCase<S>) -> LawCase<S> {
    let (lanes, heads) = (lawCase.shape.keyDim, lawCase.shape.heads)
    // H_second H_first turns by +θ: reflections along (1, 0) and (1, −tan θ/2).
    let reflections = (0..<planes(lanes)).flatMap { plane -> [Reflection<S>] in
      let tangent: S = tangent(plane)
      return [.zero, -tangent].map { slope in
        var w = [S](repeating: .zero, count: lanes)
        (w[2 * plane], w[2 * plane + 1]) = (.one, slope)
        return Reflection(w: w, β: S(2) / (.one + slope * slope), heads: heads)
      }
    }
    let still = lawCase.mapTensors { $0 == .beta ? $1.map { _ in .zero } : $1 }
    return still.inserting { _ in reflections }.lawCase
  }

  package func logits<S: LawScalar>(_ rows: HeadRows<S>) -> [[S]] {
    guard let lanes = rows.Q.first?.count else { return [] }
    let period = 2 * planes(lanes) + 1
    /// x as it stands at a position: plane a turned by position · θ_a.
    func turned(_ x: [S], position: Int) -> [S] {
      var x = x
      for plane in 0..<planes(lanes) {
        let t: S = tangent(plane)
        let n = S.one + t * t
        let (cosine, sine) = ((.one - t * t) / n, S(2) * t / n)
        for _ in 0..<position {
          let (a, b) = (x[2 * plane], x[2 * plane + 1])
          (x[2 * plane], x[2 * plane + 1]) = (a * cosine - b * sine, a * sine + b * cosine)
        }
      }
      return x
    }
    let Q = rows.Q.indices.map { turned(rows.Q[$0], position: $0 / period) }
    let K = rows.K.indices.map { turned(rows.K[$0], position: $0 / period) }
    return Q.indices.map { i in (0...i).map { inner(Q[i], K[$0]) } }
  }
}
