import PathAttention

/// A rule by which other projects call two tensors close: one constant, whatever the inputs.
public struct ToleranceRule: Sendable {
  /// The heading of its column.
  public let name: String
  /// Whether a candidate is let through.
  public let accepts: @Sendable (AttentionTensor, _ reference: [Double], _ candidate: [Double]) -> Bool

  /// A rule of one's own.
  public init(
    _ name: String,
    accepts: @escaping @Sendable (AttentionTensor, _ reference: [Double], _ candidate: [Double]) -> Bool
  ) {
    self.name = name
    self.accepts = accepts
  }

  /// The rules that are in wide use.
  public static let popular = [relativeRMS, relativeRMSOrWarning, cosine, normalisedSquare, allClose]

  /// `assert_close` of flash-linear-attention: √mean((x−y)²) / (√mean(x²) + 10⁻⁸) below the limit that its test of PaTH
  /// attention (tests/ops/test_path_attn.py) has for the tensor, or no difference above 10⁻⁶.
  public static let relativeRMS = ToleranceRule("fla") { tensor, reference, candidate in
    let error = Difference(reference, candidate)
    return error.largest <= 1e-6 || error.ratio < flaLimit(tensor)
  }

  /// The same where FLA_CI_ENV is set: a ratio below 0.01, or no difference above 0.3, only warns.
  public static let relativeRMSOrWarning = ToleranceRule("fla CI") { tensor, reference, candidate in
    let error = Difference(reference, candidate)
    return error.ratio < 0.01 || error.largest <= 0.3 || error.ratio < flaLimit(tensor)
  }

  /// x·y / (‖x‖ ‖y‖) > 0.99
  public static let cosine = ToleranceRule("cosine 0.99") { _, reference, candidate in
    let (xx, yy, xy) = zip(reference, candidate).reduce((0.0, 0.0, 0.0)) { sums, pair in
      (sums.0 + pair.0 * pair.0, sums.1 + pair.1 * pair.1, sums.2 + pair.0 * pair.1)
    }
    return xx == 0 && yy == 0 || xy / (xx * yy).squareRoot() > 0.99
  }

  /// ‖x − y‖² / ‖x‖² ≤ 5·10⁻⁴
  public static let normalisedSquare = ToleranceRule("NMSE 5e-4") { _, reference, candidate in
    let error = Difference(reference, candidate)
    return error.sumOfSquares <= 5e-4 * error.referenceSumOfSquares
  }

  /// |x − y| ≤ 0.02 + 0.02 |x| everywhere
  public static let allClose = ToleranceRule("allclose 2e-2") { _, reference, candidate in
    zip(reference, candidate).allSatisfy { abs($0 - $1) <= 0.02 + 0.02 * abs($0) }
  }

  private static func flaLimit(_ tensor: AttentionTensor) -> Double {
    switch tensor {
    case .dq, .dk, .dv: 0.008
    case .dw: 0.015
    case .dbeta, .dg: 0.02
    default: 0.005
    }
  }
}

/// The sums that the rules are made of.
private struct Difference {
  private(set) var sumOfSquares = 0.0
  private(set) var referenceSumOfSquares = 0.0
  private(set) var largest = 0.0
  private let count: Int

  init(_ x: [Double], _ y: [Double]) {
    count = x.count
    for (x, y) in zip(x, y) {
      let difference = abs(x - y)
      sumOfSquares += difference * difference
      referenceSumOfSquares += x * x
      // NaN stays.
      if !(difference <= largest) { largest = largest.isNaN ? largest : difference }
    }
  }

  var ratio: Double {
    let n = Double(max(1, count))
    return (sumOfSquares / n).squareRoot() / ((referenceSumOfSquares / n).squareRoot() + 1e-8)
  }
}
