import PathAttention

/// Variants with a number in them that no catalogue can list: it is fitted to the candidate.
extension Variant {
  /// A scale that is this many times what it should be, in the logits and in a scaled gate.
  package static func scale(times factor: Double) -> Variant {
    Variant(ScaleFamily.scale.id(factor), "the scale is \(ScaleFamily.text(factor)) times what it should be") {
      $0.scaleFactor = factor
    }
  }

  /// Logits that are this many times what they should be, with the right gate.
  package static func logits(times factor: Double) -> Variant {
    Variant(
      ScaleFamily.logits.id(factor),
      "the scale of the logits is \(ScaleFamily.text(factor)) times what it should be, that of the gate is right"
    ) { $0.logitFactor = factor }
  }
}

/// The variants that differ in a factor of the scale alone.
enum ScaleFamily: String, CaseIterable {
  case scale = "scale.factor"
  case logits = "scale.logitFactor"

  /// Like `scale.factor(2)`.
  package func id(_ factor: Double) -> String { "\(rawValue)(\(Self.text(factor)))" }

  package func variant(_ factor: Double) -> Variant {
    switch self {
    case .scale: .scale(times: factor)
    case .logits: .logits(times: factor)
    }
  }

  /// The variant of an id, if it is one of these.
  package static func variant(id: String) -> Variant? {
    for family in allCases where id.hasPrefix(family.rawValue + "(") && id.hasSuffix(")") {
      return Double(id.dropFirst(family.rawValue.count + 1).dropLast()).map(family.variant)
    }
    return nil
  }

  /// At most six digits, and none that says nothing.
  package static func text(_ factor: Double) -> String {
    let text = "\(Float(rounded(factor, digits: 6)))"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// A number to some decimal digits.
  package static func rounded(_ value: Double, digits: Int) -> Double {
    guard value != 0, value.isFinite else { return value }
    let magnitude = Double.pow(10, Double(digits - 1) - Double.log10(abs(value)).rounded(.down))
    return (value * magnitude).rounded() / magnitude
  }

  /// The factor with which a program comes nearest to a candidate, if it comes near: by a search over powers of two and one
  /// between the best of them, on few tokens.
  ///
  /// A candidate that rounds tells the factor to some digits only, so the shortest number is taken that explains it about as
  /// well as the best.
  ///
  /// - Parameter error: ‖candidate − variant‖ / ‖variant‖ on these tokens.
  package static func fit(_ error: (Double) throws(AttentionError) -> Double) throws(AttentionError) -> Double? {
    // Half octaves between 1/256 and 256, then a golden section.
    let grid = (-16...16).map { Double.exp2(Double($0) / 2) }
    var errors: [Double] = []
    for factor in grid { errors.append(try error(factor)) }
    guard let best = errors.indices.filter({ errors[$0].isFinite }).min(by: { errors[$0] < errors[$1] }) else {
      return nil
    }
    var (low, high) = (Double.log2(grid[best]) - 0.5, Double.log2(grid[best]) + 0.5)
    let golden = (Double(5).squareRoot() - 1) / 2
    var (a, b) = (high - golden * (high - low), low + golden * (high - low))
    var (errorA, errorB) = (try error(.exp2(a)), try error(.exp2(b)))
    while high - low > 1e-9 {
      if errorA < errorB {
        (high, b, errorB) = (b, a, errorA)
        a = high - golden * (high - low)
        errorA = try error(.exp2(a))
      } else {
        (low, a, errorA) = (a, b, errorB)
        b = low + golden * (high - low)
        errorB = try error(.exp2(b))
      }
    }
    let factor = Double.exp2((low + high) / 2)
    let smallest = try error(factor)
    guard smallest <= nearEnough else { return nil }
    for digits in 1...5 {
      let short = rounded(factor, digits: digits)
      if try error(short) <= 1.05 * smallest { return short }
    }
    return factor
  }

  /// What is further off is not explained by a factor.
  private static let nearEnough = 0.1
}
