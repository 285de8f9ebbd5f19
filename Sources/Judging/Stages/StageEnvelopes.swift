import NumberFormats
import PathAttention
import Problems

/// What the stages that a candidate hands over should be, and how large the error of each row is in an honest kernel.
package struct StageEnvelopes {
  /// The stages in Float64.
  package let reference: [Stage: [Double]]
  private let envelopes: [Stage: TensorEnvelope]

  /// Runs the stages with the rounding of the profile, as `Envelope` does the whole.
  ///
  /// - Parameters:
  ///   - formats: What each stage is stored in; it has these stages.
  ///   - attentionCase: The problem.
  ///   - blockSize: Rows per block of the candidate.
  ///   - envelope: Whose profile, number of runs and seed are taken.
  package init(
    _ formats: [Stage: NumberFormat], _ attentionCase: AttentionCase, blockSize: Int, like envelope: Envelope
  ) throws(AttentionError) {
    let stages = Stage.allCases.filter { formats[$0] != nil }
    let exact = try StageValues(stages, attentionCase, blockSize: blockSize, rounding: nil)
    let reference = Dictionary(uniqueKeysWithValues: stages.map { ($0, exact[$0]) })
    let layouts = Dictionary(
      uniqueKeysWithValues: stages.map {
        ($0, TokenRows($0.layout(attentionCase.inputs, blockSize: blockSize), reference: reference[$0]!))
      })
    var errors: [Stage: [[Double]]] = [:]
    for rounding in envelope.stageRoundings {
      let run = try StageValues(stages, attentionCase, blockSize: blockSize, rounding: rounding)
      for stage in stages {
        errors[stage, default: []].append(layouts[stage]!.norms(of: run[stage], minus: reference[stage]!))
      }
    }
    self.reference = reference
    envelopes = Dictionary(
      uniqueKeysWithValues: stages.map { stage in
        (stage, envelope.stage(layouts[stage]!, runs: errors[stage]!, reference: reference[stage]!, formats[stage]!))
      })
  }

  /// The envelope of a stage that was asked for.
  package subscript(stage: Stage) -> TensorEnvelope { envelopes[stage]! }
}

extension Envelope {
  /// Where kernels of the profile round on the way to a stage, one for each run.
  var stageRoundings: [EmulatedRounding] {
    profile.stochasticRoundings(Self.usualSamples, activation: activation, seed: seed, part: "stages")
  }

  /// The envelope of a stage, or of parts of its rows, from the errors of the runs.
  func stage(
    _ rows: TokenRows, runs: [[Double]], reference: [Double], _ format: NumberFormat
  ) -> TensorEnvelope {
    let accumulators = profile.format(at: .accumulators, activation: activation)
    return TensorEnvelope(
      rows: rows, samples: [runs], floors: rows.floors(of: reference, format, accumulators: accumulators))
  }
}
