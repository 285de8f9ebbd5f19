import NumberFormats
import PathAttention
import Problems

/// Whether the reference itself can be trusted where β‖w‖² leaves [0, 2].
///
/// Inside, products of reflections stay bounded. Outside they may grow, and with them the rounding errors of the reference. Then
/// it is computed once more, with the last digit of every number moved at random: what the two disagree about, Float64 does
/// not know. A tensor in which they are more than 10⁻³ apart is unstable, and not judged.
public struct BaselineReport: Sendable, Codable {
  /// The factor by which products of reflections may grow.
  public var growth: ReportNumber
  /// At how many places (token × head) β‖w‖² lies outside.
  public var outside: Int
  /// ‖perturbed − reference‖₂ / ‖reference‖₂, for the worst tensor.
  public var disagreement: ReportNumber
  /// The tensors in which that is too much.
  public var unstable: [String]

  /// How far two evaluations in Float64 may be apart.
  public static let usableDisagreement = 1e-3

  /// Nil while β‖w‖² stays inside, but for what rounding does to unit vectors.
  package init?(_ attentionCase: AttentionCase, reference: [AttentionTensor: [Double]]) throws(AttentionError) {
    let growth = productGrowth(attentionCase.inputs)
    guard growth.factor > 1.01 else { return nil }
    let perturbed = try attentionCase.evaluate(
      blockSize: Envelope.usualBlockSize,
      NumericsProfile.f64.stochasticRounding(activation: .float64, seed: Envelope.usualSeed))
    var worst = 0.0
    var unstable: [String] = []
    for tensor in AttentionTensor.allCases {
      guard let exact = reference[tensor], let other = perturbed[tensor] else { continue }
      let disagreement = ErrorMeasure(candidate: other, reference: exact).rmsRatio
      if !(disagreement <= Self.usableDisagreement) { unstable.append(tensor.rawValue) }
      worst = disagreement.isNaN ? .infinity : max(worst, disagreement)
    }
    self.growth = ReportNumber(growth.factor)
    outside = growth.outside
    self.disagreement = ReportNumber(worst)
    self.unstable = unstable
  }
}
