import Judging
import Mistakes
import PathAttention

/// What explains the outputs of a candidate that fail: the known disagreements with which the reference gives what the
/// candidate gives, in every output.
///
/// One that leaves an output unexplained, or changes one that is right, is not what the candidate does, however well it
/// explains another: single steps have few numbers, and some disagreement comes near by chance.
struct LayerDiagnosis {
  /// For every output of the submission, the best first. None for outputs that do not fail.
  package let explanations: [[LayerExplanation]]
  /// One for every path that fails, and one for its outputs that are not finite.
  let sentences: [String]

  init(
    _ submission: LayerSubmission, _ layer: PathLayer<Double>, _ reports: [TensorReport]
  ) throws(AttentionError) {
    let finite = reports.indices.filter { reports[$0].nonFinite == 0 && !reports[$0].isUnjudged }
    let failing = finite.filter { reports[$0].verdict == .fail }
    let wrong = Set(failing.compactMap { reports[$0].path })
    var causes: [Cause] = []
    if !failing.isEmpty {
      let right = Set(finite.compactMap { reports[$0].path }).subtracting(wrong)
      for variant in LayerVariant.explanations(wrong: wrong, right: right, layer.configuration) {
        let results = try LayerPaths(layer: layer, variant: variant).outputs(submission)
        let errors = Dictionary(
          uniqueKeysWithValues: finite.map { index in
            let candidate = submission.outputs[index].entries
            return (index, ErrorMeasure(candidate: candidate, reference: results[index]).rmsRatio)
          })
        guard finite.allSatisfy({ errors[$0]! <= reports[$0].marginalLimit }) else { continue }
        causes.append(Cause(variant: variant, errors: errors, error: failing.map { errors[$0]! }.max()!))
      }
    }
    causes.sort { $0.error < $1.error }
    explanations = reports.indices.map { index in
      guard failing.contains(index) else { return [] }
      return causes.map { cause in
        LayerExplanation(
          disagreement: cause.variant.disagreement, paths: LayerPath.allCases.filter(cause.variant.paths.contains),
          rmsRatio: cause.errors[index]!)
      }
    }
    sentences = Self.sentences(reports, causes)
  }

  /// Disagreements that explain the outputs about as well as the best are named beside it.
  private static func sentences(_ reports: [TensorReport], _ causes: [Cause]) -> [String] {
    let equals = causes.filter { $0.error <= 1.1 * causes[0].error }
    return LayerPath.allCases.flatMap { path -> [String] in
      func say(_ text: String, of isMeant: (TensorReport) -> Bool) -> String? {
        let names = reports.filter { $0.path == path && $0.verdict == .fail && isMeant($0) }.map(\.name)
        return names.isEmpty ? nil : "\(names.joined(separator: ", ")): \(text)"
      }
      let cause =
        equals.isEmpty
        ? "not explained by any known disagreement" : equals.map { $0.text(path) }.joined(separator: ", or ")
      return [
        say(cause) { $0.nonFinite == 0 && !$0.isUnjudged }, say("NaN or infinite entries") { $0.nonFinite > 0 },
      ].compactMap { $0 }
    }
  }

  /// A disagreement that explains the outputs.
  private struct Cause {
    let variant: LayerVariant
    /// ‖candidate − reference with the disagreement‖₂ / ‖reference with the disagreement‖₂ of every output that is finite.
    let errors: [Int: Double]
    /// The largest of those that fail.
    let error: Double

    func text(_ path: LayerPath) -> String {
      let disagreement = variant.disagreement
      // What is read from the cache, or is not in it, needs no place.
      guard path == .decode, disagreement != .keysNotCarried, disagreement != .gateConvention else {
        return disagreement.text
      }
      if !variant.paths.contains(.decode) { return "\(disagreement.text) in the prefill that made the cache" }
      return variant.paths.contains(.prefill)
        ? "\(disagreement.text), here and in the prefill that made the cache" : disagreement.text
    }
  }
}
