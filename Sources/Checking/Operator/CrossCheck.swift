import Foundation
import Judging
import Mistakes
import PathAttention
import Problems

/// Compares what another implementation computed with a Float64 reference computed from the same inputs.
///
/// The inputs are taken exactly as stored and widened, so rounding of the inputs is never blamed on anyone. The reference
/// runs forward once, and backward once if the candidate has gradients; then the blockwise form runs `Envelope.usualSamples`
/// times with the rounding of the profile, to tell how large an honest error is.
///
/// - Parameter request: Which files, and how to read them.
/// - Returns: A verdict for every output of the candidate that is there. A NaN or infinity in one is a failure with its
///   place.
/// - Throws: `CrossCheckError` when the comparison cannot be made.
/// - Complexity: That of the form of the reference, and of the runs.
public func crossCheck(_ request: CrossCheckRequest) throws(CrossCheckError) -> CrossCheckReport {
  try detailedCrossCheck(request).report
}

/// The same, with maps of the error over the rows of every tensor.
public func detailedCrossCheck(_ request: CrossCheckRequest) throws(CrossCheckError) -> DetailedCrossCheck {
  try detailedCrossCheck(request, triesOtherLayout: true)
}

private func detailedCrossCheck(
  _ request: CrossCheckRequest, triesOtherLayout: Bool
) throws(CrossCheckError) -> DetailedCrossCheck {
  var submission = try SubmissionReader(request).read()
  if let rows = request.rows, rows < submission.inputs.shape.tokens { submission = submission.sampled(rows: rows) }
  let progress = CrossCheckProgress(request)
  let reference = try Reference(submission, request, onProgress: progress.reference)
  let judge = try JudgedSubmission(submission, request, reference: reference.entries, onProgress: progress.runs)
  let judged = (
    outputs: submission.candidates.map(judge.judged), stages: submission.stages.map { judge.judged($0) }
  )
  let tensors = judged.outputs.map(judge.report)
  let intermediates = judged.stages.map(judge.report)
  let verdict = (tensors + intermediates).map(\.verdict).max() ?? .pass
  // Of what could not be judged nobody knows whether it is wrong.
  let wrongStages = WrongStage.first(
    Dictionary(
      uniqueKeysWithValues: (tensors + intermediates).map { ($0.name, $0.isUnjudged ? .marginal : $0.verdict) }))
  // Variants are computed whole.
  let gallery =
    request.studiesVariants && submission.queryTokens == nil
    ? try naming(request) { () throws(AttentionError) in try VariantGallery(submission.attentionCase) } : nil
  let study = try gallery.map { gallery throws(CrossCheckError) in
    try naming(request) { () throws(AttentionError) in
      try VariantStudy(
        gallery, reference: reference.entries,
        candidate: Dictionary(uniqueKeysWithValues: submission.candidates.map { ($0.tensor, $0.entries) }),
        envelope: judge.envelope)
    }
  }
  var diagnosis = study?.diagnosis
  diagnosis?.addCause(tensors, judge.identities)
  let report = CrossCheckReport(
    verdict: verdict, case: submission.name,
    shape: ReportShape(submission.inputs.shape, segments: submission.inputs.segments.count),
    options: CrossCheckReport.Options(
      scale: submission.scale, gate: submission.gate, gated: submission.inputs.g != nil,
      form: reference.form.description, rows: submission.queryTokens?.count, blockSize: submission.blockSize),
    profile: judge.profileReport, baseline: judge.baseline, tensors: tensors,
    intermediates: intermediates.isEmpty ? nil : intermediates,
    firstWrongStages: wrongStages.isEmpty ? nil : wrongStages, identities: judge.identities,
    diagnosis: diagnosis, blindSpots: verdict == .fail ? nil : study?.blindSpots,
    warnings: judge.warnings,
    notes: submission.notes + (triesOtherLayout && verdict == .fail ? layoutNotes(request, submission) : []))
  return DetailedCrossCheck(
    report: report, maps: (judged.outputs + judged.stages).map(\.map),
    logits: request.mapsLogits
      ? try naming(request) { () throws(AttentionError) in try LogitTiles(submission, judge, gallery, study?.diagnosis)
      } : nil)
}

/// Whether what fails passes with tokens and heads exchanged. Where there are as many query heads as key/value heads, shapes do
/// not tell the two apart.
private func layoutNotes(_ request: CrossCheckRequest, _ submission: Submission) -> [String] {
  let shape = submission.inputs.shape
  guard shape.queryHeads == shape.heads, shape.length != shape.heads, request.layouts.isEmpty else { return [] }
  var other = request
  (other.layout, other.studiesVariants, other.mapsLogits, other.onProgress) = (request.layout.other, false, false, nil)
  guard let report = try? detailedCrossCheck(other, triesOtherLayout: false).report, report.verdict != .fail else {
    return []
  }
  return [
    "read with tokens and heads exchanged, everything \(report.verdict == .pass ? "passes" : "is marginal or passes"): "
      + "give --layout \(other.layout.rawValue)"
  ]
}

/// What goes wrong with the inputs, with the file that they are from.
private func naming<Result>(
  _ request: CrossCheckRequest, _ body: () throws(AttentionError) -> Result
) throws(CrossCheckError) -> Result {
  do throws(AttentionError) { return try body() } catch { throw .inputs(file: request.inputs, error) }
}

/// Shares out the progress: a backward pass costs about 2.5 times a forward pass, and a run about as much as the reference.
private struct CrossCheckProgress {
  let reference: @Sendable (Double) -> Void
  let runs: @Sendable (Double) -> Void

  init(_ request: CrossCheckRequest) {
    let report = request.onProgress ?? { _ in }
    let share = 1 / Double(1 + Envelope.usualSamples)
    reference = { report(share * $0) }
    runs = { report(share + (1 - share) * $0) }
  }
}

/// What a candidate should have computed.
private struct Reference {
  let form: AttentionForm
  private(set) var entries: [AttentionTensor: [Double]]

  init(
    _ submission: Submission, _ request: CrossCheckRequest, onProgress report: @escaping @Sendable (Double) -> Void
  ) throws(CrossCheckError) {
    let inputs = submission.inputs
    form = request.form ?? referenceForm(for: inputs, queryTokens: submission.queryTokens)
    let needsGradients = submission.candidates.contains { $0.tensor.isGradient }
    // A backward pass costs about 2.5 times a forward pass.
    let forwardShare = needsGradients ? 1 / 3.5 : 1.0
    var execution = AttentionExecution(form: form)
    do throws(AttentionError) {
      execution.onProgress = { report(forwardShare * $0) }
      let outputs = try attention(
        inputs, inputs.function(scale: submission.scale, gate: submission.gate), execution,
        queryTokens: submission.queryTokens)
      entries = AttentionCase(inputs, queryTokens: submission.queryTokens)
        .wanted([.o: outputs.o.entries, .lse: outputs.lse.entries])
      if needsGradients, let outputCotangent = submission.outputCotangent {
        execution.onProgress = { report(forwardShare + (1 - forwardShare) * $0) }
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: outputCotangent, execution)
        for (tensor, gradient) in gradients.tensors { entries[tensor] = gradient.entries }
      }
    } catch {
      throw .inputs(file: request.inputs, error)
    }
    for (tensor, numbers) in entries {
      guard let index = numbers.firstIndex(where: { !$0.isFinite }) else { continue }
      throw .referenceOverflow(
        file: request.inputs, tensor: tensor.rawValue, place: Place(index, of: tensor, in: inputs.shape))
    }
  }
}
