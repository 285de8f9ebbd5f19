import LinearAlgebra
import Mistakes
import PathAttention

extension LayerPaths {
  /// What the paths compute for every output of a submission, in its order.
  func outputs(_ submission: LayerSubmission) throws(AttentionError) -> [[Double]] {
    var results: [[Double]] = []
    if let output = submission.output(.full) {
      results.append(try full(submission.input(output.tokens)).entries)
    }
    guard let prefilled = submission.prefilled else { return results }
    var (y, cache) = try prefill(submission.input(0..<prefilled))
    if submission.output(.prefill) != nil { results.append(y.entries) }
    var position = prefilled
    for output in submission.steps {
      // Tokens between two outputs are decoded one by one.
      while position < output.tokens.lowerBound {
        _ = try step(submission.input(position..<position + 1), &cache)
        position += 1
      }
      y = try step(submission.input(output.tokens), &cache)
      results.append(y.entries)
      position = output.tokens.upperBound
    }
    return results
  }
}
