import Verification

/// The text in the pages that the library computes.
enum GeneratedText {
  /// What stands between `<!-- generated: NAME -->` and `<!-- end -->`, by name.
  static let all: [String: @Sendable () throws -> String] =
    [threeForms, singleSteps, conditioning, errorGrowth, counts].reduce(into: [:]) { all, texts in
      all.merge(texts) { $1 }
    }

  private static let counts: [String: @Sendable () throws -> String] = [
    "number of variants": { String(VariantCatalogue.all.count) },
    "pass multiple": { String(Int(Verdict.passMultiple)) },
    "marginal multiple": { String(Int(Verdict.marginalMultiple)) },
  ]

  private static var errorGrowth: [String: @Sendable () throws -> String] {
    #if arch(x86_64)
      ["growth of errors": ErrorGrowth.exponents]
    #else
      [:]
    #endif
  }
}
