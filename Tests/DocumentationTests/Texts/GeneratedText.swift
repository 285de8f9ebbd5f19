import Checking
import Foundation
import Judging
import Mistakes
import TestFiles

/// The text in the pages that the library computes.
enum GeneratedText {
  /// What stands between `<!-- generated: NAME -->` and `<!-- end -->`, by name.
  static let all: [String: @Sendable () throws -> String] =
    [threeForms, singleSteps, conditioning, errorGrowth, realLayers, timings, counts].reduce(into: [:]) { all, texts in
      all.merge(texts) { $1 }
    }

  private static let counts: [String: @Sendable () throws -> String] = [
    "number of variants": { String(VariantCatalogue.all.count) },
    "pass multiple": { String(Int(Verdict.passMultiple)) },
    "marginal multiple": { String(Int(Verdict.marginalMultiple)) },
    "percentage of dw": {
      let file = Page.fixture("fla-gate-f16-t300-d16")
      let report = try crossCheck(CrossCheckRequest(inputs: file, studiesVariants: false))
      return decimal(100 * report.tensors.first { $0.name == "dw" }!.rmsRatio.value, 0)
    },
    "pairs of mistakes": { String(try separation().pairs) },
    "pairs told apart": { String(try separation().pairs - separation().unseparated.count) },
  ]

  /// How far the kept cases tell known mistakes apart, as the manifest beside them says; a test makes it again.
  private static func separation() throws -> CaseManifest.Separation {
    let url = Page.repository.appending(path: "Fixtures/generated/manifest.json")
    return try JSONDecoder().decode(CaseManifest.self, from: Data(contentsOf: url)).separation!
  }

  private static var errorGrowth: [String: @Sendable () throws -> String] {
    #if arch(x86_64)
      ["growth of errors": ErrorGrowth.exponents]
    #else
      [:]
    #endif
  }
}
