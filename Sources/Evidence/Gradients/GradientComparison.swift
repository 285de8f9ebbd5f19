import LinearAlgebra
import NumberFormats
import PathAttention
import Problems

/// A derivative, and how far it may be from the truth and from a correct gradient.
struct Derivative {
  package let value: Double
  package let tolerance: Double
}

/// Compares the gradients that an implementation returns with derivatives in a number of directions, tensor by tensor.
///
/// - Parameter derivatives: The derivatives in some directions of one input tensor.
func compareGradients(
  _ implementation: Implementation, on attentionCase: AttentionCase, _ directions: GradientDirections,
  _ method: GradientCheckMethod, problem: String,
  derivatives: (AttentionTensor, [[Double]]) throws -> [Derivative]
) throws -> GradientCheckReport {
  try attentionCase.validateCotangents()
  guard directions.entries >= 0, directions.random >= 0, directions.entries + directions.random > 0 else {
    throw GradientCheckError.directions(entries: directions.entries, random: directions.random)
  }
  let inputs = attentionCase.inputs
  let found = try implementation.evaluate(attentionCase)
  let tensors = try inputs.tensors.map { tensor, entries -> GradientCheckReport.TensorReport in
    let name = tensor.gradient!
    let count = entries.entries.count
    let gradient = try found.entries(name, count: count, of: implementation)
    let drawn = directions.draw(tensor, count: count)
    let vectors = drawn.map { $0.vector(count: count) }
    let comparisons = zip(zip(drawn, vectors), try derivatives(tensor, vectors)).map { pair, derivative in
      var place: Place?
      if case .entry(let index) = pair.0 { place = Place(index, of: name, in: inputs.shape) }
      let along = zip(gradient, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      let difference = abs(derivative.value - along)
      // Not a number on either side is a difference.
      let ratio = difference == 0 ? 0 : difference / derivative.tolerance
      let excess = ratio.isNaN ? .infinity : ratio
      return GradientCheckReport.Comparison(
        place: place, derivative: ReportNumber(derivative.value), gradient: ReportNumber(along),
        tolerance: ReportNumber(derivative.tolerance), excess: ReportNumber(excess))
    }
    let largest = comparisons.compactMap { $0.derivative.map { abs($0.value) } }.max() ?? 0
    let tolerance = comparisons.map(\.tolerance.value).max() ?? 0
    let worst = comparisons.max { $0.excess.value < $1.excess.value }
    return GradientCheckReport.TensorReport(
      name: name.rawValue, entries: count, directions: comparisons.count,
      holds: worst.map { $0.excess.value <= 1 } ?? true, worst: worst,
      resolution: ReportNumber(tolerance == 0 ? 0 : tolerance / largest))
  }
  return GradientCheckReport(
    method, subject: implementation.name, problem: problem, directions: directions, tensors: tensors)
}

extension AttentionCase {
  /// Checks that there is a cotangent of the outputs, and that both have the right sizes.
  fileprivate func validateCotangents() throws(GradientCheckError) {
    guard let outputCotangent else { throw .noCotangent }
    for (name, cotangent, tensor) in [
      ("do", Optional(outputCotangent), AttentionTensor.do), ("dlse", lseCotangent, .lse),
    ] {
      let expected = inputs.shape.count(of: tensor)
      if let cotangent, cotangent.count != expected {
        throw .count(tensor: name, expected: expected, found: cotangent.count)
      }
    }
  }

  /// The terms of Σ do · o + Σ dlse · lse.
  func lossTerms<S: RealScalar>(o: [S], lse: [S]) -> [S] {
    zip(outputCotangent ?? [], o).map { S($0) * $1 } + zip(lseCotangent ?? [], lse).map { S($0) * $1 }
  }
}
