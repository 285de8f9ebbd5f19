import Judging
import LinearAlgebra
import PathAttention
import Problems

/// Compares an implementation's gradients with derivatives by dual numbers over Double, through the definition from end to
/// end: logits one reflection at a time, gate, softmax, log-sum-exp.
///
/// There is no step, so nothing but rounding separates the two. A gradient may be off by what `ErrorBound` allows two
/// evaluations of it to be apart: a condition, made of the largest norms in the problem, times ε = 10 u L (L + d). In a dense
/// direction ẋ the bound counts Σ |ẋ| times.
///
/// - Parameters:
///   - implementation: Whose gradients are checked: a form of this library or a function of your own.
///   - attentionCase: What it is asked to compute; with a cotangent of the outputs.
///   - directions: Where to look.
///   - unitRoundoff: u of the arithmetic in which the implementation computes.
///   - problem: What to print for replay, like the line of a `Problem`.
/// - Throws: `ImplementationError` when a gradient is missing or has the wrong size; what `implementation` throws.
/// - Complexity: One call of `implementation`; for each direction a sequential forward pass over dual numbers.
public func dualGradientCheck(
  _ implementation: Implementation, on attentionCase: AttentionCase,
  _ directions: GradientDirections = GradientDirections(), unitRoundoff: Double = 0x1p-53, problem: String
) throws -> GradientCheckReport {
  let inputs = attentionCase.inputs
  let bound = ErrorBound(
    inputs, attentionCase.function,
    outputCotangent: attentionCase.outputCotangent ?? [], lseCotangent: attentionCase.lseCotangent ?? [],
    unitRoundoff: unitRoundoff)
  let function = AttentionFunction(
    scale: Dual<Double>(attentionCase.function.scale), gate: attentionCase.function.gate)
  return try compareGradients(
    implementation, on: attentionCase, directions, .dual, problem: problem
  ) { tensor, vectors in
    try vectors.map { vector in
      let outputs = try attention(
        inputs.dual(toward: tensor, vector), function, AttentionExecution(form: .sequentialProduct))
      let loss = attentionCase.lossTerms(o: outputs.o.entries, lse: outputs.lse.entries).reduce(.zero, +)
      return Derivative(
        value: loss.derivative, tolerance: bound.entries[tensor.gradient!]! * vector.reduce(0) { $0 + abs($1) })
    }
  }
}
