/// The text in the pages that the library computes.
enum GeneratedText {
  /// What stands between `<!-- generated: NAME -->` and `<!-- end -->`, by name.
  static let all: [String: @Sendable () throws -> String] =
    [threeForms, singleSteps, conditioning, errorGrowth].reduce(into: [:]) { all, texts in all.merge(texts) { $1 } }

  private static var errorGrowth: [String: @Sendable () throws -> String] {
    #if arch(x86_64)
      ["growth of errors": ErrorGrowth.exponents]
    #else
      [:]
    #endif
  }
}
