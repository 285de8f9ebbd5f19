import PathAttention

/// How far a candidate's tensor is from the reference.
package struct ErrorMeasure {
  /// ‖candidate − reference‖₂ / ‖reference‖₂; 0 when both are zero, +∞ when only the reference is, NaN when the candidate
  /// is not finite.
  package let rmsRatio: Double
  /// The largest |candidate − reference|; the first non-finite entry of the candidate counts as larger than any.
  package let maxAbs: Double
  /// Where that is; nil for an empty tensor.
  package let worst: Int?
  /// How many entries of the candidate are NaN or infinite.
  package let nonFinite: Int

  package init(candidate: [Double], reference: [Double]) {
    precondition(candidate.count == reference.count)
    var nonFinite = 0
    var firstNonFinite: Int?
    var error = ScaledNorm()
    var size = ScaledNorm()
    var maxAbs = 0.0
    var worst = candidate.isEmpty ? nil : 0
    for (i, (c, r)) in zip(candidate, reference).enumerated() {
      size.add(r)
      guard c.isFinite else {
        nonFinite += 1
        firstNonFinite = firstNonFinite ?? i
        continue
      }
      // Halves, because the difference of two finite numbers can overflow.
      let difference = c / 2 - r / 2
      error.add(difference)
      if abs(difference) > maxAbs { (maxAbs, worst) = (abs(difference), i) }
    }
    self.nonFinite = nonFinite
    self.worst = firstNonFinite ?? worst
    self.maxAbs = firstNonFinite.map { abs(candidate[$0]) } ?? 2 * maxAbs
    if nonFinite > 0 {
      rmsRatio = .nan
    } else {
      rmsRatio = 2 * error.relative(to: size)
    }
  }
}
