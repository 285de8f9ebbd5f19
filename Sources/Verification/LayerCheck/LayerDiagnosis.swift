import PathAttention

/// What explains the outputs of a candidate that fail: every known disagreement with which the reference gives what the
/// candidate gives.
struct LayerDiagnosis {
  /// For every output of the submission, the best first. None for outputs that do not fail.
  let explanations: [[LayerCheckReport.Explanation]]
  /// One for every cause and the outputs it explains, and one for outputs that nothing explains.
  let sentences: [String]

  init(
    _ submission: LayerSubmission, _ layer: PathLayer<Double>, _ reports: [LayerCheckReport.TensorReport]
  ) throws(AttentionError) {
    func isOpen(_ report: LayerCheckReport.TensorReport) -> Bool { report.verdict == .fail && report.nonFinite == 0 }
    var explanations = reports.map { _ in [LayerCheckReport.Explanation]() }
    for path in LayerPath.allCases where reports.contains(where: { $0.path == path && isOpen($0) }) {
      for variant in LayerVariant.explanations(of: path, layer.configuration) {
        let results = try LayerPaths(layer: layer, variant: variant).outputs(submission)
        for (index, report) in reports.enumerated() where report.path == path && isOpen(report) {
          let ratio = ErrorMeasure(
            candidate: submission.outputs[index].entries, reference: results[index]
          ).rmsRatio
          guard ratio <= report.marginalLimit else { continue }
          explanations[index].append(
            LayerCheckReport.Explanation(
              disagreement: variant.disagreement, paths: LayerPath.allCases.filter(variant.paths.contains),
              rmsRatio: ratio))
        }
      }
    }
    self.explanations = explanations.map { $0.sorted { $0.rmsRatio < $1.rmsRatio } }
    sentences = Self.sentences(reports, self.explanations)
  }

  /// Outputs of one path fail for one reason, if one reason explains them all: the disagreement that explains most of them
  /// is named first. Others that explain the same outputs as well are named beside it.
  private static func sentences(
    _ reports: [LayerCheckReport.TensorReport], _ explanations: [[LayerCheckReport.Explanation]]
  ) -> [String] {
    var sentences: [String] = []
    func say(_ outputs: [Int], _ text: String) {
      sentences.append("\(outputs.map { reports[$0].name }.joined(separator: ", ")): \(text)")
    }
    for path in LayerPath.allCases {
      let failing = reports.indices.filter { reports[$0].path == path && reports[$0].verdict == .fail }
      var open = failing.filter { reports[$0].nonFinite == 0 }
      while let cause = Cause.best(of: open, explanations) {
        let equals = Cause.all(of: open, explanations).filter {
          $0.outputs == cause.outputs && $0.error <= 1.1 * cause.error
        }
        say(cause.outputs, equals.map { $0.text(path) }.joined(separator: ", or "))
        open.removeAll(where: cause.outputs.contains)
      }
      if !open.isEmpty { say(open, "not explained by any known disagreement") }
      let broken = failing.filter { reports[$0].nonFinite > 0 }
      if !broken.isEmpty { say(broken, "NaN or infinite entries") }
    }
    return sentences
  }

  /// A disagreement and the outputs that it explains.
  private struct Cause {
    let variant: LayerVariant
    let outputs: [Int]
    /// The largest error that is left.
    let error: Double

    static func all(of outputs: [Int], _ explanations: [[LayerCheckReport.Explanation]]) -> [Cause] {
      var causes: [Cause] = []
      for explanation in outputs.flatMap({ explanations[$0] }) {
        let variant = LayerVariant(disagreement: explanation.disagreement, paths: Set(explanation.paths))
        guard !causes.contains(where: { $0.variant == variant }) else { continue }
        let errors = outputs.compactMap { output in
          explanations[output].first { $0.disagreement == variant.disagreement && Set($0.paths) == variant.paths }
            .map { (output, $0.rmsRatio) }
        }
        causes.append(Cause(variant: variant, outputs: errors.map(\.0), error: errors.map(\.1).max() ?? 0))
      }
      return causes
    }

    static func best(of outputs: [Int], _ explanations: [[LayerCheckReport.Explanation]]) -> Cause? {
      all(of: outputs, explanations).min { (-$0.outputs.count, $0.error) < (-$1.outputs.count, $1.error) }
    }

    func text(_ path: LayerPath) -> String {
      let disagreement = variant.disagreement
      guard path == .decode, disagreement != .keysNotCarried else { return disagreement.text }
      if variant.paths == [.prefill] { return "\(disagreement.text) in the prefill that made the cache" }
      return variant.paths == [.decode]
        ? disagreement.text : "\(disagreement.text), here and in the prefill that made the cache"
    }
  }
}
