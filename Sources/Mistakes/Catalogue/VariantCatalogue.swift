import PathAttention

/// The mistakes and conventions that are known, each under an id that is never renamed.
///
/// The first word of an id says where it happens: the order and interval of the product, β and w, the UT transform, blocks,
/// the softmax and what is masked, the gate, heads and segments, the log-sum-exp; and for gradients, the gradient.
public enum VariantCatalogue {
  /// All of them: those that change o, then those that change only gradients.
  public static let all = forward + gradient

  /// The program of the variants with nothing changed: the definition. Not one of them.
  public static let nominal = Variant("nominal", "the definition")

  /// The variant of an id; of the families with a fitted factor, like `scale.factor(1.5)`, that of any factor.
  public static subscript(_ id: String) -> Variant? { all.first { $0.id == id } ?? ScaleFamily.variant(id: id) }
}
