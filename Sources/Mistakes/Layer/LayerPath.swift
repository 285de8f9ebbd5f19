/// One of the three ways of a layer to its outputs.
public enum LayerPath: String, Sendable, Codable, CaseIterable {
  /// All tokens at once.
  case full
  /// The first tokens at once, with a cache for the rest.
  case prefill
  /// The next tokens on top of the cache.
  case decode
}
