import LinearAlgebra
import NumberFormats
import PathAttention

/// Compares the paths of another implementation's layer (full, prefill, decode) with a Float64 reference computed from the
/// same parameters and the same x.
///
/// The reference goes each path itself. How far an honest implementation may be off is measured: the reference is computed
/// a second time with every tensor between two stages rounded to the coarsest format of the file. An output passes up to
/// four times that error and is marginal up to eight; for F32 and F64, where sums themselves are in the format, never below
/// the limits of `pathcheck check`. An output that fails is compared with every known disagreement; one that brings it back
/// under the limit is named.
///
/// - Parameter request: Which file, and how to read it.
/// - Returns: A verdict for every output that is there.
/// - Throws: `CrossCheckError` when the comparison cannot be made.
/// - Complexity: Twice that of the layer's paths, and once more for every disagreement that a failing path is compared with.
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
    let reference = try outputs(LayerPaths(layer: exact))
    var rounded = exact
    let format = submission.format
    rounded.storage = { format.round($0) }
    let roundings = zip(try outputs(LayerPaths(layer: rounded)), reference).map {
      ErrorMeasure(candidate: $0, reference: $1).rmsRatio
    }
    var reports: [LayerCheckReport.OutputReport] = []
    for (index, output) in submission.outputs.enumerated() {
      reports.append(report(output, reference[index], rounding: roundings[index]))
    }
    try explain(&reports)
    return LayerCheckReport(
      verdict: reports.map(\.verdict).max() ?? .pass, case: submission.name, layer: exact.configuration,
      options: LayerCheckReport.Options(
        scale: submission.scale ?? 1 / Double(exact.configuration.headDim).squareRoot(), gate: submission.gate,
        form: form.description, format: format.rawValue),
      outputs: reports, consistency: consistency(reports), diagnosis: diagnosis(reports), notes: submission.notes)
  }

  /// What paths compute for every output of the submission, in its order.
  private func outputs(_ paths: LayerPaths) throws(AttentionError) -> [[Double]] {
    var results: [[Double]] = []
    if let full = submission.output(.full) {
      results.append(try paths.full(submission.input(full.tokens)).entries)
    }
    guard let prefilled = submission.prefilled else { return results }
    var (y, cache) = try paths.prefill(submission.input(0..<prefilled))
    if submission.output(.prefill) != nil { results.append(y.entries) }
    var position = prefilled
    for step in submission.steps {
      while position < step.tokens.lowerBound {
        _ = try paths.step(submission.input(position..<position + 1), &cache)
        position += 1
      }
      y = try paths.step(submission.input(step.tokens), &cache)
      results.append(y.entries)
      position = step.tokens.upperBound
    }
    return results
  }

  private func report(
    _ output: LayerSubmission.Output, _ reference: [Double], rounding: Double
  ) -> LayerCheckReport.OutputReport {
    let measure = ErrorMeasure(candidate: output.entries, reference: reference)
    let format = submission.format
    let blunt = ErrorLimit(format)
    let isComputedInFormat = format == .float32 || format == .float64
    let pass = isComputedInFormat ? max(4 * rounding, blunt.pass) : 4 * rounding
    let marginal = isComputedInFormat ? max(8 * rounding, blunt.marginal) : 8 * rounding
    let hidden = exact.configuration.hiddenSize
    return LayerCheckReport.OutputReport(
      name: output.name, path: output.path, dtype: output.elementType.rawValue,
      verdict: measure.rmsRatio <= pass ? .pass : measure.rmsRatio <= marginal ? .marginal : .fail,
      rmsRatio: ReportNumber(measure.rmsRatio), maxAbs: ReportNumber(measure.maxAbs),
      maxAbsAt: measure.worst.map { index in
        let row = index / hidden
        return LayerPlace(
          batch: row / output.tokens.count, token: output.tokens.lowerBound + row % output.tokens.count,
          lane: index % hidden)
      }, nonFinite: measure.nonFinite, roundingRatio: rounding, passLimit: pass, marginalLimit: marginal,
      explanations: [])
  }

  // MARK: Diagnosis

  /// Fills in which known disagreements explain the outputs that fail.
  private func explain(_ reports: inout [LayerCheckReport.OutputReport]) throws(AttentionError) {
    let failing = Set(reports.filter { $0.verdict == .fail && $0.nonFinite == 0 }.map(\.path))
    let variants = LayerPath.allCases.filter(failing.contains).flatMap {
      LayerVariant.explanations(of: $0, exact.configuration)
    }
    for variant in Set(variants) {
      let results = try outputs(LayerPaths(layer: exact, variant: variant))
      for (index, output) in submission.outputs.enumerated() {
        guard reports[index].verdict == .fail, reports[index].nonFinite == 0,
          LayerVariant.explanations(of: output.path, exact.configuration).contains(variant)
        else { continue }
        let ratio = ErrorMeasure(candidate: output.entries, reference: results[index]).rmsRatio
        guard ratio <= reports[index].marginalLimit else { continue }
        reports[index].explanations.append(
          LayerCheckReport.Explanation(
            disagreement: variant.disagreement, paths: LayerPath.allCases.filter(variant.paths.contains),
            rmsRatio: ratio))
      }
    }
    for index in reports.indices {
      reports[index].explanations.sort { ($0.rmsRatio, $0.paths.count) < ($1.rmsRatio, $1.paths.count) }
    }
  }

  /// The candidate's own paths against each other.
  private func consistency(_ reports: [LayerCheckReport.OutputReport]) -> [LayerCheckReport.ConsistencyReport] {
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
      let limit = fullReport.marginalLimit + report.marginalLimit
      return LayerCheckReport.ConsistencyReport(
        outputs: [full.name, output.name], rmsRatio: ReportNumber(ratio), limit: limit, agrees: ratio <= limit)
    }
  }

  /// One sentence for every explanation and the outputs it explains, and one for outputs that nothing explains.
  private func diagnosis(_ reports: [LayerCheckReport.OutputReport]) -> [String] {
    var sentences: [(text: String, names: [String])] = []
    for report in reports where report.verdict == .fail {
      let text: String
      if report.nonFinite > 0 {
        text = "NaN or infinite entries"
      } else if let best = report.explanations.first {
        let alsoInPrefill = report.path == .decode && best.paths == [.prefill, .decode]
        let onlyInPrefill =
          report.path == .decode && best.paths == [.prefill] && best.disagreement != .keysNotCarried
        text =
          best.disagreement.text
          + (alsoInPrefill ? ", here and in the prefill that made the cache" : "")
          + (onlyInPrefill ? " in the prefill that made the cache" : "")
      } else {
        text = "not explained by any known disagreement"
      }
      if let index = sentences.firstIndex(where: { $0.text == text }) {
        sentences[index].names.append(report.name)
      } else {
        sentences.append((text, [report.name]))
      }
    }
    return sentences.map { "\($0.names.joined(separator: ", ")): \($0.text)" }
  }
}
