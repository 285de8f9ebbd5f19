import LinearAlgebra
import PathAttention
import Problems

extension GeneratedText {
  /// Single steps: the softmax over two tiles, the gradient of one β, a gate, a decoded token, a word.
  static let singleSteps: [String: @Sendable () throws -> String] = [
    "online softmax": onlineSoftmax, "backward of one beta": backwardOfOneBeta, "gate": gate, "decode": decode,
    "word": word,
  ]

  @Sendable private static func onlineSoftmax() throws -> String {
    let tiles: [[(s: Double, v: Double)]] = [[(2, 3), (5, 4)], [(1, 1), (3, 2)]]
    var rows = ["| | logits | m | exp(s − m) | l | O |", "|---|---|---|---|---|---|"]
    var (m, l, O) = (-Double.infinity, 0.0, 0.0)
    // Right to left, as the walk goes: the later keys first.
    for (index, tile) in [tiles[1], tiles[0]].enumerated() {
      let next = max(m, tile.map(\.s).max()!)
      let rescale = index == 0 ? 0 : Double.exponential(m, minus: next)
      if index > 0 {
        rows.append(
          "| rescaled by exp(\(decimal(m, 0)) − \(decimal(next, 0))) = \(decimal(rescale, 6)) | | \(decimal(next, 0)) | "
            + "| \(decimal(l * rescale, 6)) | \(decimal(O * rescale, 6)) |")
      }
      let weights = tile.map { Double.exponential($0.s, minus: next) }
      l = l * rescale + weights.reduce(0, +)
      O = O * rescale + zip(weights, tile).reduce(0) { $0 + $1.0 * $1.1.v }
      m = next
      rows.append(
        "| \(index == 0 ? "keys 2, 3" : "keys 0, 1") | \(tile.map { decimal($0.s, 0) }.joined(separator: ", ")) | "
          + "\(decimal(m, 0)) | \(weights.map { decimal($0, 6) }.joined(separator: ", ")) | \(decimal(l, 6)) | "
          + "\(decimal(O, 6)) |")
    }
    // The same from the library: without reflections, with keys of one lane, the logits of q = 1 are the keys.
    let all = tiles.flatMap { $0 }
    let inputs = try AttentionInputs<Double>(
      shape: AttentionShape(length: 4, queryHeads: 1, heads: 1, keyDim: 1, valueDim: 1), q: [1, 1, 1, 1],
      k: all.map(\.s), v: all.map(\.v), w: [1, 1, 1, 1], beta: [0, 0, 0, 0])
    let outputs = try attention(inputs, AttentionFunction(scale: 1), AttentionExecution(form: .blockwise(blockSize: 2)))
    precondition(
      abs(outputs.o.entries[3] - O / l) < 1e-14 && decimal(outputs.lse.entries[3], 6) == decimal(m + logarithm(l), 6))
    rows.append(
      "\no = O / l = \(decimal(outputs.o.entries[3], 6)), lse = m + log l = \(decimal(outputs.lse.entries[3], 6)).")
    return rows.joined(separator: "\n")
  }

  private static func logarithm(_ x: Double) -> Double { Double.logSumExp(pivot: 0, sum: x) }

  @Sendable private static func backwardOfOneBeta() throws -> String {
    let worked = WorkedCase.oneReflection
    let p = SmallProblem(worked.inputs)
    let (q, k, w, β) = (p.q.row(1), p.k.row(0), p.w.row(1), p.β[1])
    let (u, s) = (dot(q, w), dot(w, k))
    let cotangent = LogitTable<Rational>(worked.inputs)
    cotangent[0, 0].mutableView[1, 0] = .one
    let found = try logitGradients(
      of: worked.inputs, cotangent: cotangent, AttentionFunction(scale: .one), form: .blockwise(blockSize: 1))
    let dw = found.dw.matrix.row(1)
    precondition(found.dbeta.matrix[1, 0] == -u * s)
    precondition(
      dw.copy().entries == sum(product(Matrix(rows: 1, columns: 1, entries: [-β * s]), q), -β * u, k).entries)
    let left = dot(w, dw)
    precondition(left == 2 * β * found.dbeta.matrix[1, 0])
    return """
      \(formula(
        "u &= q_1 w_1^{\\mathsf T} = \(u.tex), \\qquad s = w_1 k_0^{\\mathsf T} = \(s.tex)",
        "A_{10} &= q_1 k_0^{\\mathsf T} - \\beta_1\\, u\\, s = \(dot(q, k).tex) - \(β.tex) \\cdot \(u.tex) \\cdot \(s.tex) = \(try worked.logits(.sequentialProduct)[1, 0].tex)"))

      \(formula(
        "d\\beta_1 &= -u\\, s = \(found.dbeta.matrix[1, 0].tex)",
        "dw_1 &= -\\beta_1 (s\\, q_1 + u\\, k_0) = -\(β.tex)\\,\\bigl(\(s.tex)\\,\(q.tex) + \(u.tex)\\,\(k.tex)\\bigr) = \(dw.tex)",
        "dq_1 &= k_0 H_1 = \(found.dq.matrix.row(1).tex)",
        "dk_0 &= q_1 H_1 = \(found.dk.matrix.row(0).tex)"))

      The identity that every gradient satisfies, w · dw = 2 β dβ:

      \(formula("w_1\\, dw_1^{\\mathsf T} = \(left.tex) = 2 \\cdot \(β.tex) \\cdot \\bigl(\(found.dbeta.matrix[1, 0].tex)\\bigr)"))
      """
  }

  @Sendable private static func gate() throws -> String {
    let base = SmallProblem.threeTokens
    let g: [Rational] = [Rational(-1), Rational(-1, 2), Rational(-1, 4)]
    let p = SmallProblem(
      q: (0..<3).map { base.q.row($0).copy().entries }, k: (0..<3).map { base.k.row($0).copy().entries },
      w: (0..<3).map { base.w.row($0).copy().entries }, β: base.β, g: g)
    let scale = Rational(1, 2)
    let c = [g[0], g[0] + g[1], g[0] + g[1] + g[2]]
    let (scaled, unscaled) = (
      try p.logits(.compactWY, scale: scale, gate: .scaled), try p.logits(.compactWY, scale: scale, gate: .unscaled)
    )
    let A = try base.logits(.compactWY)
    var rows = ["| | scale · A | c_i − c_j | S, `scaled` | S, `unscaled` |", "|---|---|---|---|---|"]
    for i in 0..<3 {
      for j in 0...i {
        let difference = c[i] - c[j]
        precondition(scaled[i, j] == scale * (A[i, j] + difference) && unscaled[i, j] == scale * A[i, j] + difference)
        rows.append(
          "| \(i), \(j) | \(inline((scale * A[i, j]).tex)) | \(inline(difference.tex)) | \(inline(scaled[i, j].tex)) | "
            + "\(inline(unscaled[i, j].tex)) |")
      }
    }
    let numbers = { (x: [Rational]) in x.map(\.tex).joined(separator: ",\\ ") }
    return """
      \(formula("g = (\(numbers(g))), \\qquad c = (\(numbers(c))), \\qquad \\text{scale} = \(scale.tex)"))

      \(rows.joined(separator: "\n"))
      """
  }

  @Sendable private static func decode() throws -> String {
    let p = SmallProblem.threeTokens
    var cache = try KeyCache<Rational>(sequences: 1, layout: p.inputs.headLayout, AttentionFunction(scale: .one))
    var text: [String] = []
    let A = try p.logits(.sequentialProduct)
    for t in 0..<p.length {
      let row = try cache.appendForLogits(p.tokens(t..<t + 1), form: .sequentialProduct)[0][0]
      precondition((0...t).allSatisfy { row[0, $0] == A[t, $0] })
      let keys = (0...t).map { $0 == t ? "k_\($0)" : "k_\($0)" + ($0 + 1...t).map { " H_\($0)" }.joined() }
      text.append(
        "t &= \(t): & \\begin{bmatrix} \(keys.joined(separator: " \\\\ ")) \\end{bmatrix} &= "
          + "\(cache.keys(sequence: 0, head: 0).tex) & q_\(t) K^{\\mathsf T} &= \(row.tex)")
    }
    return formula(text)
  }

  @Sendable private static func word() throws -> String {
    let letters: [(Int, Int)] = [(0, 1), (1, 2), (0, 1), (1, 2), (0, 1), (1, 2)]
    let word = SymmetricGroupWord(letters.map { .init($0.0, $0.1) })
    let S = try logits(word.inputs(), AttentionFunction(scale: 1), form: .blockwise(blockSize: 2))[0, 0]
    let o = try attention(word.inputs(), AttentionFunction(scale: 1)).o.entries
    let answers = try word.answers()
    var rows = ["| t | letter | first key, carried | logit | o_t | identity? |", "|---|---|---|---|---|---|"]
    for (t, product) in word.products().enumerated() {
      precondition(answers[t] == (product == [1, 2, 3, 4, 5]))
      let letter = t == 0 ? "–" : "(\(letters[t - 1].0 + 1) \(letters[t - 1].1 + 1))"
      let logit = decimal(S[t, 0], S[t, 0] == S[t, 0].rounded() ? 0 : 1)
      rows.append(
        "| \(t) | \(letter) | (\((product + [1]).map(String.init).joined(separator: ", "))) | \(logit) | "
          + "\(decimal(o[t], 4)) | \(answers[t] ? "yes" : "no") |")
    }
    return rows.joined(separator: "\n")
  }
}
