import Foundation

/// A multiple of the envelope as reports print it: to two decimals while it is small, to the unit while that can be read.
public func multipleText(_ multiple: Double) -> String {
  if multiple.isNaN { return "NaN" }
  if multiple.isInfinite { return "∞" }
  return String(format: multiple < 99.995 ? "%.2f" : multiple < 999_999.5 ? "%.0f" : "%.1e", multiple)
}

/// ‖error‖ / ‖reference‖ as reports print it.
public func relativeErrorText(_ ratio: Double) -> String {
  // Only a reference of zero has an infinite one.
  ratio.isNaN ? "NaN" : ratio.isInfinite ? "– (reference 0)" : String(format: "%.5g", ratio)
}
