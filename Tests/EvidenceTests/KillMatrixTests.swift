import Evidence
import Foundation
import Mistakes
import PathAttention
import Testing

/// The mutants against our tests and against the rules in wide use.
@Suite struct KillMatrixTests {
  static let matrix = Result {
    try killMatrix(
      tests: [.agreement(problems: 150, seed: 21), .certificate], cases: TypicalInputs.cases(seed: 22))
  }

  @Test("Every mutant that is not equivalent is killed by our tests; those that are equal by none")
  func mutants() throws {
    let matrix = try Self.matrix.get()
    #expect(matrix.mutants.count == VariantCatalogue.all.count)
    #expect(matrix.survivors.map(\.id) == [])
    for row in matrix.mutants where row.equivalence == .equal {
      #expect(!row.killedByTests.contains(true), "\(row.id) is equal and yet killed")
    }
    for row in matrix.mutants where row.equivalence == .different {
      #expect(row.killedByTests == [true, true], "\(row.id)")
    }
  }

  @Test("What the popular rules let through on the inputs that kernels are usually tested on")
  func popularRules() throws {
    let matrix = try Self.matrix.get()
    let unseen = [
      "lse.base2", "lse.withoutMaximum", "value.keyStride", "dlse.ignored", "dv.keyStride",
      "gradient.rounded(bfloat16)",
    ]
    let letThrough = matrix.rules.indices.map { matrix.letThrough(by: $0).map(\.id) }
    #expect(letThrough.map(\.count) == [6, 6, 11, 6, 6])
    for ids in letThrough { #expect(Set(unseen).isSubset(of: ids)) }
    #expect(letThrough[2].contains("tail.lastRowZero") && letThrough[2].contains("dg.withoutScale"))
    // Those of the gradient alone cannot be seen in o; the others could.
    let gradients = VariantCatalogue.all.filter(\.changesOnlyGradients).map(\.id)
    let unseenInOutput = matrix.rules.indices.map { rule in
      matrix.mutants.filter { $0.mustBeKilled && !$0.rejectedByOutput[rule] && !gradients.contains($0.id) }.count
    }
    #expect(unseenInOutput == [6, 16, 19, 6, 6], "\(unseenInOutput)")
  }

  @Test("The matrix is encoded and printed whole")
  func report() throws {
    let matrix = try Self.matrix.get()
    let decoded = try JSONDecoder().decode(KillMatrix.self, from: JSONEncoder().encode(matrix))
    #expect(decoded.description == matrix.description)
    let lines = matrix.description.split(separator: "\n")
    #expect(lines.count == VariantCatalogue.all.count + 3)
    #expect(lines[0].hasPrefix("mutant "))
    #expect(lines.last!.hasPrefix("by o alone"))
  }
}
