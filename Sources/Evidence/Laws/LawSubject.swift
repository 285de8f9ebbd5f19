import Judging
import LinearAlgebra
import PathAttention
import Problems

/// What a law is turned on.
protocol LawSubject: Sendable {
  associatedtype Number: LawScalar

  /// The numbers of a problem.
  func lawCase(_ problem: Problem) throws -> LawCase<Number>

  /// o, lse and, if there are cotangents, the gradients.
  func tensors(_ lawCase: LawCase<Number>) throws -> [AttentionTensor: [Number]]

  /// How far two evaluations may be apart by rounding.
  func bounds(_ lawCase: LawCase<Number>) throws -> [AttentionTensor: Double]
}

/// An implementation, in `Double`.
struct ImplementationSubject: LawSubject {
  package let implementation: Implementation

  func lawCase(_ problem: Problem) throws -> LawCase<Double> {
    LawCase(
      try problem.inputs(), AttentionFunction.usual(keyDim: problem.shape.keyDim, gate: problem.convention),
      outputCotangent: problem.outputCotangent(), lseCotangent: problem.lseCotangent())
  }

  package func tensors(_ lawCase: LawCase<Double>) throws -> [AttentionTensor: [Double]] {
    let found = try implementation.evaluate(
      AttentionCase(
        try lawCase.inputs(), scale: lawCase.function.scale, gate: lawCase.function.gate,
        outputCotangent: lawCase.tensors[.do],
        lseCotangent: lawCase.tensors[.dlse]))
    for tensor in lawCase.results {
      let expected = lawCase.shape.count(of: tensor)
      guard found[tensor]?.count == expected else {
        throw AttentionError.count(
          tensor: tensor.rawValue, expected: expected, found: found[tensor]?.count ?? 0)
      }
    }
    return found.filter { lawCase.results.contains($0.key) }
  }

  package func bounds(_ lawCase: LawCase<Double>) throws -> [AttentionTensor: Double] {
    ErrorBound(
      try lawCase.inputs(), lawCase.function,
      outputCotangent: lawCase.tensors[.do] ?? [], lseCotangent: lawCase.tensors[.dlse] ?? []
    ).entries
  }
}

/// A form of this library over the prime field, where the softmax is a formal computation: nothing is used of exp but
/// exp(s − m) = exp(s) / exp(m) and exp′ = exp. The log-sum-exp stands as its exponential.
struct FieldSubject: LawSubject {
  package let form: AttentionForm

  func lawCase(_ problem: Problem) throws -> LawCase<PrimeField> {
    LawCase(
      try problem.exactInputs(), problem.exactFunction(),
      outputCotangent: problem.fieldElements(.do), lseCotangent: problem.fieldElements(.dlse))
  }

  package func tensors(_ lawCase: LawCase<PrimeField>) throws -> [AttentionTensor: [PrimeField]] {
    let inputs = try lawCase.inputs()
    let outputs = try attention(
      inputs, lawCase.function, AttentionExecution(form: form))
    var tensors: [AttentionTensor: [PrimeField]] = [.o: outputs.o.entries, .lse: outputs.lse.entries]
    guard let outputCotangent = lawCase.tensors[.do] else { return tensors }
    let gradients = try attentionGradients(
      of: inputs, outputs: outputs, outputCotangent: outputCotangent, lseCotangent: lawCase.tensors[.dlse],
      AttentionExecution(form: form))
    for (tensor, gradient) in gradients.tensors { tensors[tensor] = gradient.entries }
    return tensors
  }

  package func bounds(_ lawCase: LawCase<PrimeField>) -> [AttentionTensor: Double] { [:] }
}
