import LinearAlgebra
import NumberFormats
import PathAttention
import Problems

/// A function of the inputs with one value, over the prime field, and gradients of it that someone wrote by hand.
public struct FieldLoss: Sendable {
  /// What reports call it.
  public let name: String
  /// The function. Over dual numbers it carries its directional derivative.
  public let evaluate: @Sendable (AttentionInputs<Dual<PrimeField>>) throws -> Dual<PrimeField>
  /// The gradients to be checked, by the names dq, dk, …; one that is missing counts as zero.
  public let gradients: @Sendable (AttentionInputs<PrimeField>) throws -> [AttentionTensor: [PrimeField]]

  /// A function and its gradients.
  public init(
    name: String, evaluate: @escaping @Sendable (AttentionInputs<Dual<PrimeField>>) throws -> Dual<PrimeField>,
    gradients: @escaping @Sendable (AttentionInputs<PrimeField>) throws -> [AttentionTensor: [PrimeField]]
  ) {
    self.name = name
    self.evaluate = evaluate
    self.gradients = gradients
  }

  /// Σ C ∘ S for the logits S of a form and a random cotangent C: the polynomial part of the backward pass.
  public static func logits(of form: AttentionForm, _ problem: Problem) -> FieldLoss {
    let function = problem.exactFunction()
    return FieldLoss(name: "logits, \(form)") { inputs in
      let table = try PathAttention.logits(inputs, function.dual, form: form)
      let cotangent = problem.exactLogitCotangent(inputs)
      return (0..<table.segments).reduce(.zero) { sum, segment in
        (0..<table.queryHeads).reduce(sum) { sum, head in
          zip(cotangent[segment, head].entries, table[segment, head].entries).reduce(sum) { $0 + Dual($1.0) * $1.1 }
        }
      }
    } gradients: { inputs in
      let gradients = try logitGradients(
        of: inputs, cotangent: problem.exactLogitCotangent(inputs), function, form: form)
      return gradients.tensors.reduce(into: [:]) { $0[$1.tensor] = $1.entries.entries }
    }
  }

  /// Σ do · o + Σ dlse · lse for attention as a whole, with the formal exponential of the prime field and random
  /// cotangents: also the softmax, the values and the gate.
  public static func attention(of form: AttentionForm, _ problem: Problem) -> FieldLoss {
    let (function, execution) = (problem.exactFunction(), AttentionExecution(form: form))
    let (dO, dlse) = (problem.fieldElements(.do), problem.fieldElements(.dlse))
    return FieldLoss(name: "attention, \(form)") { inputs in
      let outputs = try PathAttention.attention(inputs, function.dual, execution)
      // The value of lse stands for exp(lse); its derivative is that of the logarithm.
      return zip(dO + dlse, outputs.o.entries + outputs.lse.entries).reduce(.zero) { $0 + Dual($1.0) * $1.1 }
    } gradients: { inputs in
      let outputs = try PathAttention.attention(inputs, function, execution)
      let gradients = try attentionGradients(
        of: inputs, outputs: outputs, outputCotangent: dO, lseCotangent: dlse, execution)
      return gradients.tensors.reduce(into: [:]) { $0[$1.tensor] = $1.entries.entries }
    }
  }
}

/// Compares gradients with the directional derivative of the function itself, over the prime field: equality, without a
/// step and without a tolerance.
///
/// For each input tensor one uniformly random direction ẋ is drawn, and the derivative of the function at x + ẋ ε compared
/// with gradient · ẋ. If both are polynomials of degree at most D, gradients that are wrong anywhere agree by chance with
/// probability at most (D + 1)/p. A tensor that differs is bisected down to one wrong entry.
///
/// ```swift
/// let problem = try Problem(line: "B1 T9 HQ2 H1 K3 V2 block=4 beta=uniform seed=7")
/// print(try exactGradientCheck(.logits(of: .compactWY, problem), on: problem))
/// ```
///
/// - Parameters:
///   - loss: The function and its gradients.
///   - problem: Where the inputs come from, by `exactInputs`; the directions are drawn from its seed.
/// - Throws: `GradientCheckError.count` when a gradient has the wrong size; what `loss` throws.
/// - Complexity: One gradient, and for each tensor one evaluation over dual numbers, or log₂(entries) if it differs.
public func exactGradientCheck(_ loss: FieldLoss, on problem: Problem) throws -> GradientCheckReport {
  let inputs = try problem.exactInputs()
  let gradients = try loss.gradients(inputs)
  var tensors: [GradientCheckReport.TensorReport] = []
  for (tensor, entries) in inputs.tensors {
    let name = tensor.gradient!
    let count = entries.entries.count
    let gradient = gradients[name] ?? Array(repeating: .zero, count: count)
    guard gradient.count == count else {
      throw GradientCheckError.count(tensor: name.rawValue, expected: count, found: gradient.count)
    }
    var random = SeededGenerator(seed: problem.seed, part: "direction \(tensor)")
    let direction = (0..<count).map { _ in random.fieldElement() }
    func differs(in range: Range<Int>) throws -> Bool {
      let masked = direction.indices.map { range.contains($0) ? direction[$0] : .zero }
      let derivative = try loss.evaluate(inputs.dual(toward: tensor, masked)).derivative
      return derivative != zip(gradient, masked).reduce(.zero) { $0 + $1.0 * $1.1 }
    }
    var report = GradientCheckReport.TensorReport(
      name: name.rawValue, entries: count, directions: count == 0 ? 0 : 1, holds: true, worst: nil,
      resolution: ReportNumber(0))
    if try differs(in: 0..<count) {
      var range = 0..<count
      while range.count > 1 {
        let middle = range.lowerBound + range.count / 2
        range = try differs(in: range.lowerBound..<middle) ? range.lowerBound..<middle : middle..<range.upperBound
        report.directions += 1
      }
      report.holds = false
      report.worst = GradientCheckReport.Comparison(
        place: Place(range.lowerBound, of: name, in: inputs.shape), derivative: nil, gradient: nil,
        tolerance: ReportNumber(0), excess: ReportNumber(.infinity))
    }
    tensors.append(report)
  }
  return GradientCheckReport(.exact, subject: loss.name, problem: problem.description, tensors: tensors)
}
