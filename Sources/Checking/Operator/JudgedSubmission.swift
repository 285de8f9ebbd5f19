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

  func report(_ candidate: Candidate) -> CrossCheckReport.TensorReport {
    // What the reference itself does not know, nobody can pass or fail at.
    let isStable = !(baseline?.unstable.contains(candidate.tensor.rawValue) ?? false)
    return report(judged(candidate), isStable: isStable)
  }

  func report(_ candidate: StageCandidate) -> CrossCheckReport.TensorReport { report(judged(candidate)) }

  /// Every row of a tensor in multiples of the envelope.
  func map(_ candidate: Candidate) -> ErrorMap { map(judged(candidate)) }

  /// The same for a stage.
  func map(_ candidate: StageCandidate) -> ErrorMap { map(judged(candidate)) }

  // MARK: What outputs and stages have in common

  /// One tensor with all that it is judged by.
  private struct Judged {
    let name: String
    let elementType: ElementType
    let entries: [Double]
    let reference: [Double]
    let envelope: TensorEnvelope
    let layout: RowLayout
    /// The tokens whose rows are judged; all when nil.
    var tokens: [Int]?

    var comparison: TensorEnvelope.Comparison { envelope.comparison(of: entries, against: reference) }

    /// The rows that a verdict is asked for, in the order of memory.
    var rowsInQuestion: [Int] {
      tokens?.flatMap { $0 * layout.heads..<($0 + 1) * layout.heads } ?? Array(envelope.rows.indices)
    }
  }

  private func judged(_ candidate: Candidate) -> Judged {
    let tensor = candidate.tensor
    return Judged(
      name: tensor.rawValue, elementType: candidate.elementType, entries: candidate.entries,
      reference: reference[tensor]!, envelope: envelope[tensor]!, layout: RowLayout(tensor, submission.inputs.shape),
      tokens: submission.sampledTensors.contains(tensor) ? submission.queryTokens : nil)
  }

  private func judged(_ candidate: StageCandidate) -> Judged {
    let stage = candidate.stage
    return Judged(
      name: stage.rawValue, elementType: candidate.elementType, entries: candidate.entries,
      reference: stages.reference[stage]!, envelope: stages[stage],
      layout: stage.layout(submission.inputs.shape, blockSize: blockSize))
  }

  private func report(_ judged: Judged, isStable: Bool = true) -> CrossCheckReport.TensorReport {
    let measure = ErrorMeasure(candidate: judged.entries, reference: judged.reference)
    let (rows, comparison) = (judged.envelope, judged.comparison)
    let reasons = judged.rowsInQuestion.map { isStable ? rows.unjudged[$0] : .baseline }
    let unjudged = UnjudgedReason.allCases.compactMap { reason -> CrossCheckReport.UnjudgedRows? in
      let count = reasons.count { $0 == reason }
      return count == 0
        ? nil
        : CrossCheckReport.UnjudgedRows(
          reason: reason, rows: count, words: reason.words(profile: envelope.profile.name))
    }
    let judgedRows = reasons.count { $0 == nil }
    // Against a reference that is not known only a number that is none can be held.
    let multiple = isStable || measure.nonFinite > 0 ? comparison.multiple : 0
    var verdict = Verdict(multiple: multiple)
    if !unjudged.isEmpty { verdict = max(verdict, judgedRows == 0 ? .fail : .marginal) }
    let size = ScaledNorm(of: judged.reference)
    func limit(_ multiple: Double) -> Double {
      size.value == 0 ? 0 : min(rows.norm(atMultiple: multiple) / size.value, .greatestFiniteMagnitude)
    }
    return CrossCheckReport.TensorReport(
      name: judged.name, dtype: judged.elementType.rawValue, verdict: verdict, rows: reasons.count,
      judgedRows: judgedRows, unjudged: unjudged.isEmpty ? nil : unjudged,
      rmsRatio: ReportNumber(measure.rmsRatio), maxAbs: ReportNumber(measure.maxAbs),
      maxAbsAt: measure.worst.map { Place($0, judged.layout, length: submission.inputs.shape.length) },
      nonFinite: measure.nonFinite,
      passLimit: limit(Verdict.passMultiple), marginalLimit: limit(Verdict.marginalMultiple),
      envelopeMultiple: ReportNumber(multiple), envelopeWhole: ReportNumber(comparison.whole),
      metrics: TestSuiteMetrics(
        candidate: judged.entries, reference: judged.reference, format: judged.elementType.format ?? .float64),
      location: Verdict(multiple: multiple) == .pass
        ? nil
        : ErrorLocation(
          judged.layout, submission.inputs, candidate: judged.entries, reference: judged.reference,
          comparison: comparison, unjudged: rows.unjudged, blockSize: blockSize, tokens: judged.tokens))
  }

  private func map(_ judged: Judged) -> ErrorMap {
    ErrorMap(
      judged.name, judged.layout, submission.inputs, envelope: judged.envelope, multiples: judged.comparison.rows,
      queryTokens: judged.tokens)
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
