import Judging
import LinearAlgebra
import Mistakes
import NumberFormats
import PathAttention
import Problems

/// Compares the paths of another implementation's layer (full, prefill, decode) with a Float64 reference computed from the
/// same parameters and the same x.
///
/// The reference goes each path itself. How far an honest implementation may be off is measured: the reference is computed
/// a second time with every tensor between two stages rounded to the coarsest format of the file. An output passes up to
/// four times that error and is marginal up to eight; for F32 and F64, where sums themselves are in the format, never below
/// the limits of `pathcheck check`. Outputs that fail are compared with every known disagreement; one that brings all of them
/// back under their limits, and takes none over it, is named.
///
/// - Parameter request: Which file, and how to read it.
/// - Returns: A verdict for every output that is there.
/// - Throws: `CrossCheckError` when the comparison cannot be made.
/// - Complexity: Twice that of the layer's paths, and once more for every disagreement that failing outputs are compared with.
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
    var layer = PathLayer(
      submission.parameters, options: AttentionOptions(scale: submission.scale, gate: submission.gate))
    form = referenceForm(for: try layer.project(submission.input(0..<submission.length)).inputs)
    layer.options.form = form
    exact = layer
  }

  func report() throws(AttentionError) -> LayerCheckReport {
    let reference = try LayerPaths(layer: exact).outputs(submission)
    for (output, numbers) in zip(submission.outputs, reference) {
      if let index = numbers.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: "\(output.name) of the reference", index: index, value: "\(numbers[index])")
      }
    }
    let roundings = roundingErrors(reference)
    var reports = submission.outputs.indices.map { report($0, reference[$0], rounding: roundings[$0]) }
    let diagnosis = try LayerDiagnosis(submission, exact, reports)
    for index in reports.indices { reports[index].explanations = diagnosis.explanations[index] }
    return LayerCheckReport(
      verdict: reports.map(\.verdict).max() ?? .pass, case: submission.name, layer: exact.configuration,
      options: LayerCheckReport.Options(
        scale: submission.scale ?? 1 / Double(exact.configuration.headDim).squareRoot(), gate: submission.gate,
        form: form.description, format: submission.format.rawValue),
      tensors: reports, consistency: consistency(reports), diagnosis: diagnosis.sentences, notes: submission.notes)
  }

  /// The relative error of every output when each stage is rounded to the format; NaN where rounding overflows.
  private func roundingErrors(_ reference: [[Double]]) -> [Double] {
    let format = submission.format
    var layer = exact
    layer.storage = { format.round($0) }
    guard let rounded = try? LayerPaths(layer: layer).outputs(submission) else { return reference.map { _ in .nan } }
    return zip(rounded, reference).map { ErrorMeasure(candidate: $0, reference: $1).rmsRatio }
  }

  private func report(_ index: Int, _ reference: [Double], rounding: Double) -> LayerCheckReport.TensorReport {
    let output = submission.outputs[index]
    let measure = ErrorMeasure(candidate: output.entries, reference: reference)
    let limit = LayerLimit(rounding: rounding, submission.format)
    let hidden = exact.configuration.hiddenSize
    return LayerCheckReport.TensorReport(
      name: output.name, path: output.path, dtype: output.elementType.rawValue,
      verdict: limit.verdict(measure.rmsRatio),
      rmsRatio: ReportNumber(measure.rmsRatio), maxAbs: ReportNumber(measure.maxAbs),
      maxAbsAt: measure.worst.map { index in
        let row = index / hidden
        return LayerPlace(
          batch: row / output.tokens.count, token: output.tokens.lowerBound + row % output.tokens.count,
          lane: index % hidden)
      }, nonFinite: measure.nonFinite, roundingRatio: ReportNumber(rounding), passLimit: limit.pass,
      marginalLimit: limit.marginal,
      explanations: [])
  }

  /// The candidate's own paths against each other.
  ///
  /// They agree up to what passes of the one that may be off by more. Of two of which one fails, up to what passes of that one,
  /// or they would agree while their difference is what it fails by.
  private func consistency(_ reports: [LayerCheckReport.TensorReport]) -> [LayerCheckReport.ConsistencyReport] {
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

/// Up to which relative error an output of a layer passes, and up to which it is marginal.
private struct LayerLimit {
  let pass: Double
  let marginal: Double

  /// Four and eight times the error that rounding between stages makes, but at least half a unit roundoff, because in a
  /// small tensor it may be small by chance. In F32 and F64 the sums themselves are in the format, and their error grows with
  /// their length, up to 64 and 256 u (F32) or 4096 and 16384 u (F64); that much is let pass there. Where rounding overflows
  /// it says nothing, and the limits are 8 and 16 u in the shorter formats.
  init(rounding: Double, _ format: NumberFormat) {
    let (passUnits, marginalUnits): (Double, Double) =
      switch format {
      case .bfloat16, .float16, .tensorFloat32: rounding.isFinite ? (0, 0) : (8, 16)
      case .float32: (64, 256)
      case .float64: (4096, 16384)
      }
    let rounding = rounding.isFinite ? max(rounding, format.unitRoundoff / 2) : 0
    pass = max(4 * rounding, passUnits * format.unitRoundoff)
    marginal = max(8 * rounding, marginalUnits * format.unitRoundoff)
  }

  /// NaN fails.
  func verdict(_ rmsRatio: Double) -> Verdict {
    rmsRatio <= pass ? .pass : rmsRatio <= marginal ? .marginal : .fail
  }
}
