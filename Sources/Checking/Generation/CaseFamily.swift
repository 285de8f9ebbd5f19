/// The kinds of cases that `generateCases` makes.
public enum CaseFamily: String, CaseIterable, Sendable, Codable {
  /// Any families of β, w, logits and gate, drawn at random.
  case random
  /// Inputs that tell every known variant from the definition and from every other one, with room for rounding.
  case discriminating
  /// Inputs for which logits and gradients are exact in single precision, to be compared bit for bit.
  case exact
  /// Inputs that are legal and that implementations break on.
  case adversarial
}
