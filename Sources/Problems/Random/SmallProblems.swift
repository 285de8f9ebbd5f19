import PathAttention

extension ProblemSpace {
  /// Every small problem there is up to a length: each way of cutting each length into segments that are not empty, each
  /// block size up to one more than the length, blocks folded in pairs or not, one and two heads with one and two query
  /// heads each, one and two lanes, with and without a gate.
  ///
  /// Small counterexamples are found here for certain rather than by luck. The families of β, w, logits and gates take turns,
  /// each at another pace, so that they meet in many combinations.
  ///
  /// - Complexity: 2^length cuttings times 32 · length.
  public static func smallProblems(upTo length: Int) -> [Problem] {
    var problems: [Problem] = []
    for boundaries in (0...length).flatMap(cuttings) {
      let T = boundaries.last!
      for blockSize in 1...T + 1 {
        for choice in 0..<32 {
          func isChosen(_ bit: Int) -> Bool { choice >> bit & 1 == 1 }
          let heads = isChosen(0) ? 2 : 1
          var problem = Problem(
            shape: AttentionShape(
              length: T, queryHeads: heads * (isChosen(1) ? 2 : 1), heads: heads, keyDim: isChosen(2) ? 2 : 1,
              valueDim: 1),
            blockSize: blockSize, levels: isChosen(3) ? 1 : 0, seed: UInt64(problems.count))
          problem.segmentBoundaries = boundaries
          problem.beta = turn(problems.count, of: BetaFamily.allCases)
          problem.w = turn(problems.count / 2, of: WFamily.allCases)
          problem.logits = turn(problems.count / 3, of: LogitFamily.allCases)
          problem.gate = isChosen(4) ? turn(problems.count / 5, of: GateFamily.allCases) : nil
          problem.convention = isChosen(4) ? turn(problems.count / 7, of: GateConvention.allCases) : .scaled
          problems.append(problem)
        }
      }
    }
    return problems
  }

  private static func turn<Family>(_ count: Int, of families: [Family]) -> Family { families[count % families.count] }

  /// The boundaries of every cutting of a length into segments that are not empty.
  private static func cuttings(_ length: Int) -> [[Int]] {
    guard length > 0 else { return [[0, 0]] }
    return (0..<1 << (length - 1)).map { choice in
      [0] + (1..<length).filter { choice >> ($0 - 1) & 1 == 1 } + [length]
    }
  }
}
