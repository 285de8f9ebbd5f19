import Judging
import LinearAlgebra
import Mistakes
import NumberFormats
import PathAttention
import Problems

/// Compares the paths of another implementation's layer (full, prefill, decode) with a Float64 reference computed from the
/// same parameters and the same x.
///
/// The reference goes each path itself. How far an honest implementation may be off is sampled as for the operator
/// (`Envelope`): in each of eight runs every number between two stages, and every number that is stored in the cache, goes up or
/// down at random to the coarsest format of the file. Outputs that fail are compared with every known disagreement; one that
/// brings all of them back under their limits, and takes none over it, is named.
///
/// - Parameter request: Which file, and how to read it.
/// - Returns: A verdict for every output that is there.
/// - Throws: `CrossCheckError` when the comparison cannot be made.
/// - Complexity: Nine times that of the layer's paths, and once more for every disagreement that failing outputs are compared
///   with.
public func checkLayer(_ request: LayerCheckRequest) throws(CrossCheckError) -> LayerCheckReport {
  let submission = try LayerSubmission(request)
  do throws(AttentionError) {
    return try LayerCheck(submission).report()
  } catch {
    throw .inputs(file: submission.file, error)
  }
}

private struct LayerCheck {
  let submission: LayerSubmission
  /// The layer in Double.
  let exact: PathLayer<Double>
  let form: AttentionForm

  init(_ submission: LayerSubmission) throws(AttentionError) {
    self.submission = submission
    var layer = PathLayer(submission.parameters, scale: submission.scale, gate: submission.gate)
    form = referenceForm(for: try layer.project(submission.input(0..<submission.length)).inputs)
    layer.execution.form = form
    exact = layer
  }

  func report() throws(AttentionError) -> LayerCheckReport {
    let reference = try LayerPaths(layer: exact).outputs(submission)
    for (output, numbers) in zip(submission.outputs, reference) {
      if let index = numbers.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: "\(output.name) of the reference", index: index, value: "\(numbers[index])")
      }
    }
    let envelopes = LayerEnvelopes(submission, exact, reference: reference)
    var reports = submission.outputs.indices.map { report($0, reference[$0], envelopes.envelopes[$0]) }
    let diagnosis = try LayerDiagnosis(submission, exact, reports)
    for index in reports.indices { reports[index].explanations = diagnosis.explanations[index] }
    return LayerCheckReport(
      verdict: reports.map(\.verdict).max() ?? .pass, case: submission.name, layer: exact.configuration,
      options: LayerCheckReport.Options(
        scale: exact.function.scale, gate: exact.function.gate,
        form: form.description, format: submission.format.rawValue),
      tensors: reports, consistency: consistency(reports), diagnosis: diagnosis.sentences, notes: submission.notes)
  }

  private func report(_ index: Int, _ reference: [Double], _ envelope: TensorEnvelope) -> TensorReport {
    let output = submission.outputs[index]
    var report = JudgedTensor(
      output.name, output.elementType, output.entries, reference: reference, envelope: envelope,
      submission.layout(output)
    ).report(profile: LayerEnvelopes.profile(submission).name, blockSize: Envelope.usualBlockSize)
    report.path = output.path
    let size = ScaledNorm(of: reference).value
    report.roundingRatio = ReportNumber(size == 0 ? 0 : envelope.norm / size)
    return report
  }

  /// The candidate's own paths against each other.
  ///
  /// They agree up to what passes of the one that may be off by more. Of two of which one fails, up to what passes of that one,
  /// or they would agree while their difference is what it fails by.
  private func consistency(_ reports: [TensorReport]) -> [LayerCheckReport.ConsistencyReport] {
    guard let full = submission.output(.full), let fullReport = reports.first(where: { $0.path == .full }) else {
      return []
    }
    let hidden = exact.configuration.hiddenSize
    return zip(submission.outputs, reports).filter { $0.0.path != .full }.map { output, report in
      let same = (0..<submission.batch).flatMap { sequence -> ArraySlice<Double> in
        let start = sequence * submission.length
        return full.entries[
          (start + output.tokens.lowerBound) * hidden..<(start + output.tokens.upperBound) * hidden]
      }
      let ratio =
        same.allSatisfy(\.isFinite) ? ErrorMeasure(candidate: output.entries, reference: same).rmsRatio : .nan
      let limit =
        (fullReport.verdict == .fail) == (report.verdict == .fail)
        ? max(fullReport.passLimit, report.passLimit)
        : fullReport.verdict == .fail ? fullReport.passLimit : report.passLimit
      return LayerCheckReport.ConsistencyReport(
        tensors: [full.name, output.name], rmsRatio: ReportNumber(ratio), limit: limit, agrees: ratio <= limit)
    }
  }
}
