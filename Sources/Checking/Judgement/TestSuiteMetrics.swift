import Judging
import NumberFormats

/// Measures of error that test suites use, to carry over into one's own.
public struct TestSuiteMetrics: Sendable, Hashable, Codable {
  /// The smallest rtol with which |candidate − reference| ≤ atol + rtol · |reference| holds for every entry, with atol = rtol
  /// times the root mean square of the reference, below. 0 where the reference is zero.
  public var rtol: ReportNumber
  /// rtol times the root mean square of the reference; the largest error where that is zero.
  public var atol: ReportNumber
  /// ‖candidate − reference‖₂² / ‖reference‖₂².
  public var nmse: ReportNumber
  /// The cosine of the angle between candidate and reference; 1 when both are zero, 0 when one is.
  public var cosine: ReportNumber
  /// The largest difference in units of the last place, in the candidate's dtype, of the reference or, where that is smaller,
  /// of its root mean square: near 0 an ulp is no measure of a sum.
  public var maxUlp: ReportNumber

  /// Measures a candidate's tensor. Where an entry of it is not finite, everything is NaN or infinite.
  init(_ measure: ErrorMeasure, candidate: [Double], reference: [Double], format: NumberFormat) {
    let largest = reference.reduce(0) { max($0, abs($1)) }
    // Relative to the largest entry, squares neither overflow nor underflow.
    let unit = largest > 0 ? largest.binade : 1
    var (rr, cc, rc) = (0.0, 0.0, 0.0)
    for (c, r) in zip(candidate, reference) {
      rr += r / unit * (r / unit)
      cc += c / unit * (c / unit)
      rc += c / unit * (r / unit)
    }
    let rms = unit * (rr / Double(max(1, reference.count))).squareRoot()
    var (tolerance, ulps) = (0.0, 0.0)
    for (c, r) in zip(candidate, reference) where c != r {
      // NaN stays: max drops it.
      let difference = c.isFinite ? abs(c - r) : .infinity
      tolerance = max(tolerance, difference / (abs(r) + rms))
      ulps = max(ulps, difference / format.ulp(max(abs(r), rms)))
    }
    rtol = ReportNumber(rms == 0 ? 0 : tolerance)
    atol = ReportNumber(rms == 0 ? measure.maxAbs : tolerance * rms)
    nmse = ReportNumber(measure.rmsRatio * measure.rmsRatio)
    cosine = ReportNumber(rr == 0 && cc == 0 ? 1 : rr == 0 || cc == 0 ? 0 : rc / (rr.squareRoot() * cc.squareRoot()))
    maxUlp = ReportNumber(ulps)
  }
}
