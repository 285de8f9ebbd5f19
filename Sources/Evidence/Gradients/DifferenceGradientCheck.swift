import Judging
import LinearAlgebra
import PathAttention
import Problems

/// Compares an implementation's gradients with central differences of its own outputs, extrapolated to step zero: what a
/// person does to a black box. Nothing of the reference takes part but the norms that choose the first step.
///
/// With D(h) = (f(x + h ẋ) − f(x − h ẋ)) / 2h for h, h/2, h/4, h/8, Richardson extrapolation removes the terms in h², h⁴ and
/// h⁶. The first step is a quarter of what moves a logit by 1, so what is left is small. The spread of the last two values
/// before the last extrapolation is the estimate of the error: an upper one for truncation, and a sample of the rounding of
/// f, whatever precision that has. So the tolerance in each direction is ten times the spread there, or ten times the root
/// mean square of the spreads over the directions of the tensor if that is larger, and what rounding costs at least,
/// 10 u Σ |terms of f| / h. A gradient that is wrong does not change the tolerance.
///
/// - Parameters:
///   - implementation: What is checked, its outputs against its gradients: a form of this library or a function of your own.
///   - attentionCase: What it is asked to compute; with a cotangent of the outputs.
///   - directions: Where to look.
///   - problem: What to print for replay, like the line of a `Problem`.
/// - Throws: `ImplementationError` when a tensor is missing or has the wrong size; what `implementation` throws.
/// - Complexity: Eight forward evaluations of `implementation` for each direction.
public func differenceGradientCheck(
  _ implementation: Implementation, on attentionCase: AttentionCase,
  _ directions: GradientDirections = GradientDirections(), problem: String
) throws -> GradientCheckReport {
  let steps = FirstSteps(attentionCase)
  let shape = attentionCase.inputs.shape
  /// Σ do · o + Σ dlse · lse, and the sum of the magnitudes of the terms.
  func loss(_ inputs: AttentionInputs<Double>) throws -> (value: Double, magnitude: Double) {
    let found = try implementation.evaluate(
      AttentionCase(inputs, scale: attentionCase.function.scale, gate: attentionCase.function.gate))
    let terms = try attentionCase.lossTerms(
      o: found.entries(.o, count: shape.count(of: .o), of: implementation),
      lse: found.entries(.lse, count: shape.count(of: .lse), of: implementation))
    return (terms.reduce(0, +), terms.reduce(0) { $0 + abs($1) })
  }
  func loss(_ tensor: AttentionTensor, _ step: Double, _ vector: [Double]) throws -> Double {
    try loss(
      attentionCase.inputs.map { candidate, entries in
        candidate == tensor ? zip(entries, vector).map { $0 + step * $1 } : entries
      }
    ).value
  }
  return try compareGradients(
    implementation, on: attentionCase, directions, .differences, problem: problem
  ) { tensor, vectors in
    let first = steps[tensor]
    let rounding = try 0x1p-53 * loss(attentionCase.inputs).magnitude / (first / 8)
    let extrapolated = try vectors.map { vector in
      extrapolate(
        try (0..<4).map { halvings in
          let step = first / Double(1 << halvings)
          return (try loss(tensor, step, vector) - loss(tensor, -step, vector)) / (2 * step)
        })
    }
    let squares = extrapolated.reduce(0) { $0 + $1.spread * $1.spread }
    let typical = (squares / Double(max(1, extrapolated.count))).squareRoot()
    return extrapolated.map { Derivative(value: $0.value, tolerance: 10 * max($0.spread, typical, rounding)) }
  }
}

/// The limit of values at h, h/2, h/4, … whose error is a series in h², and the difference of the two values that the last
/// extrapolation starts from.
func extrapolate(_ values: [Double]) -> (value: Double, spread: Double) {
  var column = values
  var power = 1.0
  while column.count > 2 {
    power *= 4
    column = zip(column, column.dropFirst()).map { $1 + ($1 - $0) / (power - 1) }
  }
  let difference = column[1] - column[0]
  return (column[1] + difference / (4 * power - 1), abs(difference))
}

/// The step for each input tensor that moves a logit by about a quarter, and reflections by little, in a direction of length 1.
private struct FirstSteps {
  private let scale: Double
  private let q: Double
  private let k: Double
  private let w: Double
  private let β: Double
  private let decay: Double
  /// A dense direction of length 1 moves up to √L tokens by 1/√L each.
  private let spread: Double

  init(_ attentionCase: AttentionCase) {
    let inputs = attentionCase.inputs
    scale = abs(attentionCase.function.scale) * productGrowth(inputs).factor
    (q, k, w) = (largestNorm(inputs.q), largestNorm(inputs.k), largestNorm(inputs.w))
    β = inputs.beta.entries.map(abs).max() ?? 0
    decay = attentionCase.function.gate == .scaled ? abs(attentionCase.function.scale) : 1
    spread = Double(inputs.segments.map(\.count).max() ?? 0).squareRoot()
  }

  subscript(tensor: AttentionTensor) -> Double {
    let logit = scale * q * k
    let sensitivity: Double =
      switch tensor {
      case .q: scale * k
      case .k: scale * q
      case .w: 2 * β * max(w, 1) * max(logit, 1) * spread
      case .beta: w * w * max(logit, 1) * spread
      case .g: decay * spread
      default: 0
      }
    return 0.25 / max(sensitivity, 0.25)
  }
}
