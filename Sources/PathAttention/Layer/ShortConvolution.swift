import LinearAlgebra

/// A causal convolution over the tokens of each sequence, one filter of n taps for each lane:
///
///     z_t = b + Σ_i c_i ∘ x_{t − (n − 1) + i},   i = 0 … n − 1
///
/// so the last tap meets the present token. What stands before the first token is the history of the sequence: the n − 1
/// rows before it, zeros at its start.
public struct ShortConvolution<S: Scalar>: Sendable {
  /// The filters, lanes × n.
  public let weight: Matrix<S>
  /// The bias, 1 × lanes.
  public let bias: Matrix<S>?

  private var reach: Int { weight.columns - 1 }
  private var lanes: Int { weight.rows }

  /// Nil if the layer has no convolution.
  public init?(_ parameters: LayerParameters<S>) {
    guard let weight = parameters[.convolution] else { return nil }
    self.weight = weight
    bias = parameters[.convolutionBias]
  }

  /// The history of a sequence at its start.
  public var emptyHistory: Matrix<S> { Matrix(rows: reach, columns: lanes) }

  /// Checks that a history is one of these sequences and this convolution.
  func validate(history: [Matrix<S>], segments: [Range<Int>]) throws(AttentionError) {
    guard history.count == segments.count else {
      throw .cache(expected: "\(history.count) sequences", found: "\(segments.count)")
    }
    for rows in history where rows.rows != reach || rows.columns != lanes {
      throw .cache(
        expected: "\(rows.rows) × \(rows.columns) rows of w before the convolution", found: "\(reach) × \(lanes)")
    }
  }

  /// z, and the history of each sequence after its last token.
  ///
  /// - Parameters:
  ///   - X: One row for each token, tokens × lanes.
  ///   - segments: The tokens of each sequence.
  ///   - history: What each sequence has before its first token here, (n − 1) × lanes.
  /// - Precondition: X has as many columns as there are lanes, and there is a history of this shape for each sequence.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func apply(
    to X: Matrix<S>, segments: [Range<Int>], history: [Matrix<S>]
  ) -> (Z: Matrix<S>, history: [Matrix<S>]) {
    let Z = Matrix<S>(rows: X.rows, columns: lanes)
    let after = zip(segments, history).map { segment, history in
      let extended = Matrix<S>(rows: reach + segment.count, columns: lanes)
      assign(history, to: extended.mutableView.rows(0..<reach))
      assign(X.view.rows(segment), to: extended.mutableView.rows(reach..<extended.rows))
      for t in 0..<segment.count {
        let z = Z.mutableView.row(segment.lowerBound + t)
        for lane in 0..<lanes {
          var sum = bias?[0, lane] ?? .zero
          for i in 0...reach { sum += weight[lane, i] * extended[t + i, lane] }
          z[lane] = sum
        }
      }
      return extended.view.rows(segment.count..<extended.rows).copy()
    }
    return (Z, after)
  }

  /// SiLU of every entry, which follows the convolution.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public static func silu(_ Z: Matrix<S>) -> Matrix<S> where S: RealScalar { Z.map { $0 * S.sigmoid($0) } }

  /// The cotangent of X for sequences that start here; adds those of the parameters.
  func backward(
    _ dZ: Matrix<S>, X: Matrix<S>, segments: [Range<Int>], into gradients: LayerParameters<S>
  ) -> Matrix<S> {
    let dX = Matrix<S>(rows: X.rows, columns: lanes)
    let dWeight = gradients[.convolution]!.mutableView
    let dBias = gradients[.convolutionBias]?.mutableView
    for segment in segments {
      for t in segment {
        for lane in 0..<lanes {
          let dz = dZ[t, lane]
          dBias?[0, lane] += dz
          for i in max(0, reach - (t - segment.lowerBound))...reach {
            dX.mutableView[t - reach + i, lane] += weight[lane, i] * dz
            dWeight[lane, i] += dz * X[t - reach + i, lane]
          }
        }
      }
    }
    return dX
  }
}
