/// The text in the pages that the library computes.
enum GeneratedText {
  /// What stands between `<!-- generated: NAME -->` and `<!-- end -->`, by name.
  static let all: [String: @Sendable () throws -> String] = [threeForms, singleSteps, conditioning].reduce(into: [:]) {
    all, texts in all.merge(texts) { $1 }
  }
}
