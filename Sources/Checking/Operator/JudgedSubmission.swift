import Foundation
import Judging
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// Judges the tensors of one submission by the envelope of a profile.
package struct JudgedSubmission {
  package let identities: [IdentityReport]
  package let baseline: BaselineReport?
  package let warnings: [String]
  package let envelope: Envelope
  private let reference: [AttentionTensor: [Double]]
  private let stages: StageEnvelopes
  /// Rows per block of the candidate: what the request or its file says, otherwise those of the profile, otherwise a usual one.
  package let blockSize: Int
  private let submission: Submission

  init(
    _ submission: Submission, _ request: CrossCheckRequest, reference: [AttentionTensor: [Double]],
    onProgress: @escaping @Sendable (Double) -> Void
  ) throws(CrossCheckError) {
    self.submission = submission
    self.reference = reference
    let formats = Dictionary(
      uniqueKeysWithValues: submission.candidates.map { ($0.tensor, $0.elementType.format ?? .float64) })
    var profile = request.profile ?? .usual(for: submission.activation)
    profile.blockSize = submission.blockSize ?? profile.blockSize
    var identityLimits: [GradientIdentity: Double] = [:]
    let attentionCase = submission.attentionCase
    do {
      envelope = try Envelope(
        attentionCase, reference: reference, profile: profile, activation: submission.activation, formats: formats,
        onProgress: onProgress
      ) { run in
        for (identity, residual) in identityResiduals(submission, run) {
          identityLimits[identity] = max(identityLimits[identity] ?? 0, Verdict.marginalMultiple * residual)
        }
      }
      baseline = try BaselineReport(attentionCase, reference: reference)
      blockSize = profile.blockSize ?? Envelope.usualBlockSize
      stages = try StageEnvelopes(
        Dictionary(uniqueKeysWithValues: submission.stages.map { ($0.stage, $0.elementType.format ?? .float64) }),
        attentionCase, blockSize: blockSize, like: envelope)
    } catch {
      throw .inputs(file: request.inputs, error)
    }
    let candidates = Dictionary(uniqueKeysWithValues: submission.candidates.map { ($0.tensor, $0.entries) })
    identities = identityResiduals(submission, candidates).map { identity, residual in
      let coarsest = identity.tensors.compactMap { formats[$0] }.map(\.unitRoundoff).max() ?? 0
      return IdentityReport(
        identity, residual: residual,
        limit: max(identityLimits[identity] ?? 0, coarsest, submission.activation.unitRoundoff))
    }
    warnings =
      inputWarnings(attentionCase) + Self.warnings(baseline, envelope, submission, reference)
      + unreachedGradients(submission.candidates.map(\.tensor), attentionCase, reference)
  }

  var profileReport: CrossCheckReport.Profile {
    CrossCheckReport.Profile(
      name: envelope.profile.name, note: envelope.profile.note, activation: envelope.activation.rawValue,
      blockSize: blockSize, blockSizes: envelope.blockSizes, runs: envelope.samples * envelope.blockSizes.count,
      seed: envelope.seed)
  }

  /// An output of the candidate.
  func judged(_ candidate: Candidate) -> JudgedTensor {
    let tensor = candidate.tensor
    // What the reference itself does not know, nobody can pass or fail at.
    return JudgedTensor(
      tensor.rawValue, candidate.elementType, candidate.entries, reference: reference[tensor]!,
      envelope: envelope[tensor]!, RowLayout(tensor, submission.inputs),
      tokens: submission.sampledTensors.contains(tensor) ? submission.queryTokens : nil,
      isStable: !(baseline?.unstable.contains(tensor.rawValue) ?? false))
  }

  /// An intermediate result of the candidate.
  func judged(_ candidate: StageCandidate) -> JudgedTensor {
    let stage = candidate.stage
    return JudgedTensor(
      stage.rawValue, candidate.elementType, candidate.entries, reference: stages.reference[stage]!,
      envelope: stages[stage], stage.layout(submission.inputs, blockSize: blockSize))
  }

  func report(_ judged: JudgedTensor) -> TensorReport {
    judged.report(profile: envelope.profile.name, blockSize: blockSize)
  }

  private static func warnings(
    _ baseline: BaselineReport?, _ envelope: Envelope, _ submission: Submission,
    _ reference: [AttentionTensor: [Double]]
  ) -> [String] {
    var warnings: [String] = []
    if let baseline {
      warnings.append(
        "β‖w‖² lies outside [0, 2] at \(baseline.outside) places: products of reflections may grow by a factor of "
          + "\(String(format: "%.1e", baseline.growth.value)), and rounding errors of any implementation with them")
      if !baseline.unstable.isEmpty {
        warnings.append(
          "unstable baseline: two evaluations of the reference in Float64 are \(percent(baseline.disagreement.value)) apart; "
            + "\(baseline.unstable.joined(separator: ", ")) cannot be judged")
      }
    }
    if submission.blockSize == nil, submission.stages.contains(where: { $0.stage != .logits }) {
      warnings.append(
        "the file does not say the block size of its intermediate results (metadata block_size); taken as "
          + "\(envelope.profile.blockSize ?? Envelope.usualBlockSize)"
          + (envelope.profile.blockSize == nil ? "" : ", as in the profile"))
    }
    for candidate in submission.candidates {
      let rows = envelope[candidate.tensor]!
      let size = ScaledNorm(of: reference[candidate.tensor]!)
      if rows.norm > 0.1 * size.value, size.value > 0 {
        warnings.append(
          "an honest kernel of the profile \(envelope.profile.name) is off by \(percent(rows.norm / size.value)) in "
            + "\(candidate.tensor.rawValue): these inputs can tell little about it")
      }
    }
    return warnings
  }
}

/// The residuals of the identities for which all gradients are there.
private func identityResiduals(
  _ submission: Submission, _ tensors: [AttentionTensor: [Double]]
) -> [(identity: GradientIdentity, residual: Double)] {
  identityResiduals(
    submission.inputs,
    gradients: tensors.reduce(into: [:]) { gradients, tensor in
      guard tensor.key.isGradient else { return }
      gradients[tensor.key] = try? TokenTensor(tensor.key, submission.inputs.shape, tensor.value)
    })
}

private func percent(_ fraction: Double) -> String { String(format: "%.2g %%", 100 * fraction) }
