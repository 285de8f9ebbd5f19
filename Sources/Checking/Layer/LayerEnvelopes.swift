import Judging
import Mistakes
import NumberFormats
import PathAttention
import Problems

/// How large an honest error is in the outputs of a layer.
struct LayerEnvelopes {
  /// One for every output of the submission.
  let envelopes: [TensorEnvelope]

  /// What a layer in the coarsest format of the file rounds to, between its stages and in its sums.
  static func profile(_ submission: LayerSubmission) -> NumericsProfile { .usual(for: submission.format) }

  /// Runs every path of the layer with random rounding between the stages.
  ///
  /// Sums over the hidden size are not run with rounding; √n roundings of the accumulator are granted to each of n terms, what
  /// random roundings of a sum of n terms come to in any order (Higham and Mary, SIAM J. Sci. Comput. 41, 2019). A run that
  /// overflows says that outputs may.
  init(_ submission: LayerSubmission, _ exact: PathLayer<Double>, reference: [[Double]]) {
    let (profile, format) = (Self.profile(submission), submission.format)
    let rows = zip(submission.outputs, reference).map { TokenRows(submission.layout($0), reference: $1) }
    let runs = profile.stochasticRoundings(
      Envelope.usualSamples, activation: format, seed: Envelope.usualSeed, part: "layer"
    ).map { rounding -> [[Double]] in
      var layer = exact
      layer.roundStored = { rounding.rounded($0, .o) }
      guard let outputs = try? LayerPaths(layer: layer).outputs(submission) else {
        return reference.map { $0.map { _ in .nan } }
      }
      return outputs
    }
    let accumulators = profile.format(at: .accumulators, activation: format)
    let terms = Double(exact.configuration.hiddenSize)
    envelopes = rows.indices.map { index in
      let reference = reference[index]
      return TensorEnvelope(
        rows: rows[index], samples: [runs.map { rows[index].norms(of: $0[index], minus: reference) }],
        floors: rows[index].floors(
          of: reference, submission.outputs[index].elementType.format ?? .float64, accumulators: accumulators,
          terms: terms))
    }
  }
}

extension LayerSubmission {
  /// How the rows of an output lie.
  func layout(_ output: Output) -> RowLayout {
    let whole = output.tokens.count == length ? segmentBoundaries : nil
    let boundaries = whole ?? (0...batch).map { $0 * output.tokens.count }
    return RowLayout(
      length: output.tokens.count, segments: zip(boundaries, boundaries.dropFirst()).map { $0..<$1 },
      isPacked: whole != nil, firstToken: output.tokens.lowerBound, heads: nil,
      lanes: parameters.configuration.hiddenSize)
  }
}
