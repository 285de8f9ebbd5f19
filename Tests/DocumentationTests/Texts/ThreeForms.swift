import LinearAlgebra
import PathAttention
import Problems

extension GeneratedText {
  /// Three tokens through the three forms.
  static let threeForms: [String: @Sendable () throws -> String] = [
    "two tokens": twoTokens, "three tokens": inputs, "sequential product": sequentialProduct,
    "UT transform": utTransform, "compact WY": compactWY, "blockwise": blockwise, "carry": carry,
  ]

  @Sendable private static func twoTokens() throws -> String {
    let (inputs, H) = (SmallProblem(WorkedCase.oneReflection.inputs), WorkedCase.oneReflection.reflection(1))
    let A = try WorkedCase.oneReflection.logits(.sequentialProduct)
    let carried = product(inputs.q.row(1), H)
    return """
      \(formula("Q = \(inputs.q.tex), \\quad K = \(inputs.k.tex), \\quad w_1 = \(inputs.w.row(1).tex), \\quad \\beta_1 = \(inputs.β[1].tex)"))

      \(formula("H_1 = I - \(inputs.β[1].tex)\\, w_1^{\\mathsf T} w_1 = \(H.tex)"))

      Each query sees its own key as it is, and the second one sees the first key through its own reflection:

      \(formula(
        "A_{00} &= q_0 k_0^{\\mathsf T} = \(A[0, 0].tex)",
        "A_{11} &= q_1 k_1^{\\mathsf T} = \(A[1, 1].tex)",
        "A_{10} &= q_1 H_1 k_0^{\\mathsf T} = \(carried.tex)\\, \(inputs.k.row(0).tex)^{\\mathsf T} = \(A[1, 0].tex)"))
      """
  }

  @Sendable private static func inputs() throws -> String {
    let p = SmallProblem.threeTokens
    return formula(
      "Q = \(p.q.tex), \\quad K = \(p.k.tex), \\quad W = \(p.w.tex), \\quad \\beta = (\(p.β.map(\.tex).joined(separator: ",\\ ")))"
    )
  }

  @Sendable private static func sequentialProduct() throws -> String {
    let p = SmallProblem.threeTokens
    let A = try p.logits(.sequentialProduct)
    var lines = (0..<3).map { "H_\($0) = \(p.H($0).tex)" }
    var text = formula(lines.joined(separator: ", \\quad "))
    for i in 1..<p.length {
      lines = []
      var x = p.q.row(i).copy()
      for j in (0...i).reversed() {
        precondition(dot(x, p.k.row(j)) == A[i, j])
        lines.append("x &= \(x.tex) & A_{\(i)\(j)} &= x k_\(j)^{\\mathsf T} = \(A[i, j].tex)")
        if j > 0 {
          x = product(x, p.H(j))
          lines[lines.count - 1] += " & x \\leftarrow x H_\(j)"
        }
      }
      text += "\n\nQuery \(i):\n\n" + formula(lines)
    }
    return text + "\n\nso, with A₀₀ = q₀ k₀ᵀ,\n\n" + formula("A = \(A.tex)")
  }

  @Sendable private static func utTransform() throws -> String {
    let p = SmallProblem.threeTokens
    let gram = product(p.w, p.w.transposed)
    let block = try blockIntermediates(p.inputs, segment: 0, queryHead: 0, blockSize: 3)[0]
    let M = gram.copy()
    scaleRows(of: M, by: Matrix(rows: 3, columns: 1, entries: p.β))
    keepStrictlyLowerTriangle(of: M)
    for t in 0..<3 { M.mutableView[t, t] = .one }
    let lines = (0..<3).map { t in
      let earlier = (0..<t).map { " - \(gram[t, $0].factor)\\, u_\($0)" }.joined()
      return "u_\(t) &= \\beta_\(t)\\, (w_\(t)\(earlier)) = \(block.U.row(t).tex)"
    }
    let descending = product(p.H(2), product(p.H(1), p.H(0)))
    precondition(descending.entries == block.R.entries)
    return """
      The scalar products of the w, and M:

      \(formula("W W^{\\mathsf T} = \(gram.tex), \\qquad M = I + \\operatorname{stril}(\\operatorname{diag}(\\beta)\\, W W^{\\mathsf T}) = \(M.tex)"))

      Forward substitution, row after row, gives U = M⁻¹ diag(β) W:

      \(formula(lines))

      and with the same steps on diag(β) instead of diag(β) W,

      \(formula("T = M^{-1} \\operatorname{diag}(\\beta) = \(block.T.tex)"))

      The product of the three reflections, the last one first:

      \(formula("H_2 H_1 H_0 = I - W^{\\mathsf T} U = \(block.R.tex)"))
      """
  }

  @Sendable private static func compactWY() throws -> String {
    let p = SmallProblem.threeTokens
    let T = try blockIntermediates(p.inputs, segment: 0, queryHead: 0, blockSize: 3)[0].T
    let (X, Y, S) = (product(p.q, p.w.transposed), product(p.w, p.k.transposed), product(p.q, p.k.transposed))
    keepLowerTriangle(of: X)
    keepStrictlyLowerTriangle(of: Y)
    keepLowerTriangle(of: S)
    let Z = product(T, Y)
    let A = sum(S, Rational(-1), product(X, Z))
    let found = try p.logits(.compactWY)
    precondition(A.entries == found.entries)
    return formula(
      "X = \\operatorname{tril}(Q W^{\\mathsf T}) = \(X.tex), \\quad Y = \\operatorname{stril}(W K^{\\mathsf T}) = \(Y.tex), \\quad Z = T Y = \(Z.tex)"
    ) + "\n\n"
      + formula("A = \\operatorname{tril}(Q K^{\\mathsf T}) - X Z = \(S.tex) - \(product(X, Z).tex) = \(A.tex)")
  }

  @Sendable private static func blockwise() throws -> String {
    let p = SmallProblem.threeTokens
    let blocks = try blockIntermediates(p.inputs, segment: 0, queryHead: 0, blockSize: 2)
    let tile = product(blocks[1].Q̃, blocks[0].K̂.transposed)
    let A = try p.logits(.blockwise(blockSize: 2, levels: 0))
    let expected = try p.logits(.sequentialProduct)
    precondition(A.entries == expected.entries && tile[0, 0] == A[2, 0] && tile[0, 1] == A[2, 1])
    return """
      Block 0 is tokens 0 and 1, block 1 is token 2. Of block 0, later queries need its keys carried to its end: key 0 through
      H₁, key 1 as it is.

      \(formula("\\hat K_0 = \\begin{bmatrix} k_0 H_1 \\\\ k_1 \\end{bmatrix} = \(blocks[0].K̂.tex)"))

      The query of block 1 is carried to the start of its block, through its own H₂:

      \(formula("\\tilde Q_1 = q_2 H_2 = \(blocks[1].Q̃.tex)"))

      and the tile that they make is the last row of A without its diagonal entry:

      \(formula("\\tilde Q_1 \\hat K_0^{\\mathsf T} = \(tile.tex)"))
      """
  }

  @Sendable private static func carry() throws -> String {
    let worked = WorkedCase.twoBlocks
    let blocks = try worked.intermediates()
    let A = try worked.logits(.sequentialProduct)
    let X = blocks[2].Q̃
    let (near, carried) = (product(X, blocks[1].K̂.transposed), product(X, blocks[1].R))
    let far = product(carried, blocks[0].K̂.transposed)
    precondition(far[0, 0] == A[4, 0] && far[0, 1] == A[4, 1] && near[0, 0] == A[4, 2] && near[0, 1] == A[4, 3])
    let wrong = product(product(X, blocks[1].R.transposed), blocks[0].K̂.transposed)
    precondition(wrong.entries != far.entries)
    let inputs = SmallProblem(worked.inputs)
    return """
      \(formula("q_4 = \(inputs.q.row(4).tex), \\quad K = \(inputs.k.tex), \\quad W = \(inputs.w.tex), \\quad \\beta = (\(inputs.β.map(\.tex).joined(separator: ",\\ ")))"))

      The query enters at the start of its own block, X = Q̃₂, meets block 1, is carried over it, and meets block 0:

      \(formula(
        "X &= q_4 H_4 = \(X.tex)",
        "A_{4,(2,3)} &= X \\hat K_1^{\\mathsf T} = \(near.tex)",
        "R_1 &= H_3 H_2 = I - W_1^{\\mathsf T} T_1 W_1 = \(blocks[1].R.tex)",
        "X &\\leftarrow X R_1 = \(carried.tex)",
        "A_{4,(0,1)} &= X \\hat K_0^{\\mathsf T} = \(far.tex)"))

      A carry with the transpose would put H₂ before H₃. The tile of block 1 is the same, and that of block 0 is not:

      \(formula("\\tilde Q_2\\, R_1^{\\mathsf T}\\, \\hat K_0^{\\mathsf T} = \(wrong.tex)"))
      """
  }
}
