import LinearAlgebra
import NumberFormats
import PathAttention
import Problems

extension GeneratedText {
  /// What block size, β and the format of w do to M and to products.
  static let conditioning: [String: @Sendable () throws -> String] = [
    "condition of M": conditionOfM, "growth": growth,
  ]

  /// Inputs of one head, as a problem line describes them.
  static func inputs(_ line: String) throws -> AttentionInputs<Double> { try Problem(line: line).inputs() }

  @Sendable private static func conditionOfM() throws -> String {
    let sizes = [16, 32, 64, 128]
    let kinds = [
      ("random w, β uniform in (0, 2)", "beta=uniform"), ("random w, β in (1.9, 2)", "beta=nearTwo"),
      ("slowly turning w, β uniform in (0, 2)", "beta=uniform w=correlated"),
      ("slowly turning w, β in (1.9, 2)", "beta=nearTwo w=correlated"), ("one w, β = 2", "beta=two w=repeated"),
    ]
    var rows = ["| | B = \(sizes.map(String.init).joined(separator: " | B = ")) |"]
    rows.append("|---" + String(repeating: "|---", count: sizes.count) + "|")
    for (name, line) in kinds {
      let numbers = try sizes.map { size -> String in
        let inputs = try inputs("B1 T\(size) HQ1 H1 K32 V1 \(line) seed=1")
        let κ = condition(W: inputs.w.matrix, β: inputs.beta.matrix)
        return decimal(κ, 0)
      }
      rows.append("| \(name) | \(numbers.joined(separator: " | ")) |")
    }
    let beyond = try sizes.map { size in
      let W = try inputs("B1 T\(size) HQ1 H1 K32 V1 w=repeated seed=1").w.matrix
      return scientific(condition(W: W, β: Matrix(rows: size, columns: 1, entries: Array(repeating: 2.5, count: size))))
    }
    rows.append("| one w, β = 5/2: not in use | \(beyond.joined(separator: " | ")) |")
    rows.append("| the bound (2B − 1)² | \(sizes.map { "\((2 * $0 - 1) * (2 * $0 - 1))" }.joined(separator: " | ")) |")
    return rows.joined(separator: "\n")
  }

  /// ‖M‖_∞ ‖M⁻¹‖_∞.
  private static func condition(W: Matrix<Double>, β: Matrix<Double>) -> Double {
    let M = product(W, W.transposed)
    scaleRows(of: M, by: β)
    keepStrictlyLowerTriangle(of: M)
    let inverse = Matrix<Double>(rows: M.rows, columns: M.rows)
    for t in 0..<M.rows { (M.mutableView[t, t], inverse.mutableView[t, t]) = (1, 1) }
    solve(unitTriangular: M, .lower, inverse)
    func norm(_ A: Matrix<Double>) -> Double {
      (0..<A.rows).map { i in (0..<A.columns).reduce(0) { $0 + abs(A[i, $1]) } }.max()!
    }
    return norm(M) * norm(inverse)
  }

  @Sendable private static func growth() throws -> String {
    let lengths = [256, 1024, 4096]
    var rows = [
      "| w stored in | one w at all tokens: \(lengths.map { "L = \($0)" }.joined(separator: " | ")) | a new w at each token: L = 4096 |"
    ]
    rows.append("|---|---|---|---|---|")
    for (name, format) in [("bfloat16", NumberFormat.bfloat16), ("float16", .float16), ("float32", .float32)] {
      // The longest of 32 vectors once they are rounded.
      let vectors = try inputs("B1 T32 HQ1 H1 K64 V1 beta=two seed=1").w.matrix
      let strengths = (0..<32).map { strength(vectors.view.row($0), format) }
      let repeated = lengths.map { Double.power(abs(1 - strengths.max()!), $0) }
      let many = try inputs("B1 T4096 HQ1 H1 K64 V1 beta=two seed=2").w.matrix
      let product = (0..<4096).reduce(1.0) { $0 * max(1, abs(1 - strength(many.view.row($1), format))) }
      rows.append(
        "| \(name) | \((repeated + [product]).map { $0 < 100 ? decimal($0, 3) : scientific($0) }.joined(separator: " | ")) |"
      )
    }
    return rows.joined(separator: "\n")
  }

  /// β‖w‖² for β = 2 and w rounded.
  private static func strength(_ w: UnsafeBufferPointer<Double>, _ format: NumberFormat) -> Double {
    2 * w.reduce(0) { $0 + format.round($1) * format.round($1) }
  }
}

extension Double {
  /// x to the n, by repeated multiplication.
  static func power(_ x: Double, _ n: Int) -> Double { (0..<n).reduce(1) { product, _ in product * x } }
}
