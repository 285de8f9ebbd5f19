import Mistakes
import PathAttention
import Problems

/// Which tests notice which mutants. Encoded, it is the JSON of `pathcheck verify --mutants`: fields are added, never
/// renamed.
///
/// The mutants are the variants of the catalogue. The tests compare with the library in their own way and ought to kill
/// every mutant that is not equivalent; beside them stand the rules that other projects accept kernels by, on the inputs
/// that they are usually given.
public struct KillMatrix: Sendable, Codable {
  /// The names of the tests.
  public var tests: [String]
  /// The names of the popular rules.
  public var rules: [String]
  /// One row per mutant.
  public var mutants: [Row]

  /// One mutant.
  public struct Row: Sendable, Codable {
    /// The id of the variant.
    public var id: String
    /// What it does differently.
    public var summary: String
    /// What exact evaluation says of it.
    public var equivalence: VariantEquivalence
    /// Whether each test notices it, in the order of `tests`.
    public var killedByTests: [Bool]
    /// Whether each popular rule rejects it by o or a gradient, in the order of `rules`.
    public var rejectedByRules: [Bool]
    /// Whether each popular rule rejects it by o alone, which is all that many tests compare.
    public var rejectedByOutput: [Bool]

    /// Whether some test has to notice it: it is not known to be equal in all that the softmax lets through.
    public var mustBeKilled: Bool { equivalence == .different || equivalence == .undecided }
  }

  /// The mutants that have to be killed and are not.
  public var survivors: [Row] { mutants.filter { $0.mustBeKilled && !$0.killedByTests.contains(true) } }

  /// The mutants that have to be killed and that a popular rule lets through.
  public func letThrough(by rule: Int) -> [Row] { mutants.filter { $0.mustBeKilled && !$0.rejectedByRules[rule] } }
}

/// Runs every test and every popular rule on every variant.
///
/// - Parameters:
///   - tests: The columns.
///   - rules: The popular rules.
///   - cases: What the popular rules see the mutants on, in the scaled convention; they compare o and the gradients.
///   - variants: The rows.
///   - onProgress: Called from any thread with the fraction done.
/// - Throws: What a test throws.
/// - Complexity: One forward and backward pass per variant and case, and what the tests take. Mutants run in parallel.
public func killMatrix(
  tests: [MutantTest], rules: [ToleranceRule] = ToleranceRule.popular, cases: [AttentionCase],
  variants: [Variant] = VariantCatalogue.all, onProgress: @escaping @Sendable (Double) -> Void = { _ in }
) throws -> KillMatrix {
  // Where a variant is the definition under the convention of a case, it is judged under the other one.
  let judged = try GateConvention.allCases.map { convention in
    try cases.map { attentionCase in
      var attentionCase = attentionCase
      attentionCase.function.gate = convention
      return (case: attentionCase, reference: try Implementation(.blockwise()).evaluate(attentionCase))
    }
  }
  let rows = try concurrentMap(variants, onProgress: onProgress) { variant in
    var (rejected, rejectedByOutput) = (rules.map { _ in false }, rules.map { _ in false })
    for (attentionCase, reference) in judged[variant.isNominal(.scaled) ? 1 : 0] {
      let candidate = try variant.implementation(blockSize: TypicalInputs.blockSize).evaluate(attentionCase)
      for (tensor, entries) in reference where tensor != .lse {
        for (index, rule) in rules.enumerated() where !rule.accepts(tensor, entries, candidate[tensor]!) {
          rejected[index] = true
          if tensor == .o { rejectedByOutput[index] = true }
        }
      }
    }
    return KillMatrix.Row(
      id: variant.id, summary: variant.summary, equivalence: try variant.equivalence(),
      killedByTests: try tests.map { try $0.kills(variant) }, rejectedByRules: rejected,
      rejectedByOutput: rejectedByOutput)
  }
  return KillMatrix(tests: tests.map(\.name), rules: rules.map(\.name), mutants: rows)
}

extension KillMatrix: CustomStringConvertible {
  /// The matrix as text: × where a mutant is noticed, · where it is not, and the sums below.
  public var description: String {
    let marks = mutants.map { row in
      [row.id, row.mustBeKilled ? "" : row.equivalence.words]
        + (row.killedByTests + row.rejectedByRules).map { $0 ? "×" : "·" }
    }
    let counted = mutants.filter(\.mustBeKilled)
    let sums = [
      ["let through", "of \(counted.count)"]
        + tests.indices.map { test in "\(counted.count { !$0.killedByTests[test] })" }
        + rules.indices.map { "\(letThrough(by: $0).count)" },
      ["by o alone", ""] + tests.map { _ in "" }
        + rules.indices.map { rule in "\(counted.count { !$0.rejectedByOutput[rule] })" },
    ]
    let lines = [["mutant", "equivalent"] + tests + rules] + marks + sums
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max()! }
    return lines.map { line in
      let text = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}

extension VariantEquivalence {
  /// For a person.
  fileprivate var words: String {
    switch self {
    case .different: "no"
    case .equal: "yes"
    case .equalUnderSoftmax: "but for lse"
    case .undecided: "undecided"
    }
  }
}
