import Foundation
import NumberFormats
import PathAttention

/// Compares what another implementation computed with a Float64 reference computed from the same inputs.
///
/// The inputs are taken exactly as stored and widened, so rounding of the inputs is never blamed on anyone. The reference
/// runs forward once, and backward once if the candidate has gradients.
///
/// - Parameter request: Which files, and how to read them.
/// - Returns: A verdict for every output of the candidate that is there. A NaN or infinity in one is a failure with its
///   place.
/// - Throws: `CrossCheckError` when the comparison cannot be made.
/// - Complexity: That of the form of the reference.
public func crossCheck(_ request: CrossCheckRequest) throws(CrossCheckError) -> CrossCheckReport {
  let submission = try SubmissionReader(request).read()
  let reference = try Reference(submission, request)
  let shape = submission.inputs.shape

  let study = request.studiesVariants ? try variantStudy(submission, reference, request) : nil
  let tensors = submission.candidates.map { candidate in
    let measure = ErrorMeasure(candidate: candidate.entries, reference: reference.entries[candidate.tensor]!)
    let limit = errorLimit(candidate, submission)
    return CrossCheckReport.TensorReport(
      name: candidate.tensor.rawValue, dtype: candidate.elementType.rawValue,
      verdict: limit.verdict(measure.rmsRatio), rmsRatio: ReportNumber(measure.rmsRatio),
      maxAbs: ReportNumber(measure.maxAbs),
      maxAbsAt: measure.worst.map { Place($0, of: candidate.tensor, in: shape) }, nonFinite: measure.nonFinite,
      passLimit: limit.pass, marginalLimit: limit.marginal)
  }
  return CrossCheckReport(
    verdict: tensors.map(\.verdict).max() ?? .pass, case: submission.name,
    shape: CrossCheckReport.Shape(
      batch: shape.batch, length: shape.length, queryHeads: shape.queryHeads, heads: shape.heads,
      keyDim: shape.keyDim, valueDim: shape.valueDim, segments: submission.inputs.segments.count),
    options: CrossCheckReport.Options(
      scale: submission.scale, gate: submission.gate, gated: submission.inputs.g != nil,
      form: reference.form.description),
    tensors: tensors, identities: identities(submission), diagnosis: study?.diagnosis,
    blindSpots: study?.diagnosis == nil ? study?.blindSpots : nil,
    warnings: [productGrowthWarning(submission.inputs)].compactMap { $0 }, notes: submission.notes)
}

/// How much error a tensor of the candidate may have.
private func errorLimit(_ candidate: Candidate, _ submission: Submission) -> ErrorLimit {
  ErrorLimit(coarser(submission.inputFormat, candidate.elementType.format))
}

/// The candidate against the known variants. A tensor fails there where it fails here, and fits a variant where it would
/// pass with that as the reference.
private func variantStudy(
  _ submission: Submission, _ reference: Reference, _ request: CrossCheckRequest
) throws(CrossCheckError) -> VariantStudy {
  let limits = Dictionary(
    uniqueKeysWithValues: submission.candidates.map { ($0.tensor, errorLimit($0, submission)) })
  do throws(AttentionError) {
    let hasGradients = submission.candidates.contains { $0.tensor.isGradient }
    let gallery = try VariantGallery(
      AttentionCase(
        submission.inputs, scale: submission.scale, gate: submission.gate,
        outputCotangent: hasGradients ? submission.outputCotangent : nil))
    return try VariantStudy(
      gallery, reference: reference.entries,
      candidate: Dictionary(uniqueKeysWithValues: submission.candidates.map { ($0.tensor, $0.entries) })
    ) { tensor, reference, candidate, _ in
      ErrorMeasure(candidate: candidate, reference: reference).rmsRatio / limits[tensor]!.marginal
    }
  } catch {
    throw .inputs(file: request.inputs, error)
  }
}

/// The identities of the gradients, for what the candidate gives of them.
private func identities(_ submission: Submission) -> [IdentityReport] {
  let shape = submission.inputs.shape
  var gradients: [AttentionTensor: TokenTensor<Double>] = [:]
  var format = submission.inputFormat
  for candidate in submission.candidates where candidate.tensor.isGradient {
    gradients[candidate.tensor] = try? TokenTensor(candidate.tensor, shape, candidate.entries)
    format = coarser(format, candidate.elementType.format)
  }
  return identityReports(submission.inputs, gradients: gradients, limit: ErrorLimit(format).pass)
}

/// Up to this many multiply-adds per pass (HQ · Σ L² · d) the reference is the sequential product, the definition itself;
/// above it the blockwise form.
public let sequentialReferenceLimit = 1 << 30

/// The form that computes the reference when none is asked for.
func referenceForm(for inputs: AttentionInputs<Double>) -> AttentionForm {
  let pairs = inputs.segments.reduce(0.0) { $0 + Double($1.count) * Double($1.count) }
  let work = pairs * Double(inputs.shape.queryHeads * inputs.shape.keyDim)
  return work <= Double(sequentialReferenceLimit) ? .sequentialProduct : .blockwise()
}

/// What a candidate should have computed.
private struct Reference {
  let form: AttentionForm
  private(set) var entries: [AttentionTensor: [Double]]

  init(_ submission: Submission, _ request: CrossCheckRequest) throws(CrossCheckError) {
    let inputs = submission.inputs
    form = request.form ?? referenceForm(for: inputs)
    let needsGradients = submission.candidates.contains { $0.tensor.isGradient }
    // A backward pass costs about 2.5 times a forward pass.
    let forwardShare = needsGradients ? 1 / 3.5 : 1.0
    let report = request.onProgress ?? { _ in }
    var options = AttentionOptions(scale: submission.scale, gate: submission.gate, form: form)
    do throws(AttentionError) {
      options.onProgress = { report(forwardShare * $0) }
      let outputs = try attention(inputs, options)
      entries = [.o: outputs.o.entries, .lse: outputs.lse.entries]
      if needsGradients, let outputCotangent = submission.outputCotangent {
        options.onProgress = { report(forwardShare + (1 - forwardShare) * $0) }
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: outputCotangent, options)
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

/// While 0 ≤ β‖w‖² ≤ 2, products of reflections stay bounded. Outside they may grow, and with them the rounding errors of
/// the reference itself.
private func productGrowthWarning(_ inputs: AttentionInputs<Double>) -> String? {
  let growth = productGrowth(inputs)
  // Rounding of unit vectors puts β‖w‖² just above 2 now and then; that is harmless.
  guard growth.factor > 1.01 else { return nil }
  return "β‖w‖² lies outside [0, 2] at \(growth.outside) places: products of reflections may grow by a factor of "
    + "\(String(format: "%.1e", growth.factor)), and rounding errors of any implementation with them"
}

private func coarser(_ a: NumberFormat, _ b: NumberFormat?) -> NumberFormat {
  guard let b, b.unitRoundoff > a.unitRoundoff else { return a }
  return b
}
