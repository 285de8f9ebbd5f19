import PathAttention
import Problems

/// One problem with what the library's sequential product computes for it, to compare implementations with: o, the
/// log-sum-exp, and the gradients of a loss that uses both.
public struct ReferenceAgreement: Sendable {
  /// The problem.
  public let problem: Problem
  private let attentionCase: AttentionCase
  private let expected: [(tensor: AttentionTensor, entries: [Double], bound: Double)]

  /// Computes the reference.
  ///
  /// - Throws: `AttentionError` when the problem makes no sense.
  public init(_ problem: Problem) throws {
    self.problem = problem
    let inputs = try problem.inputs()
    attentionCase = AttentionCase(
      inputs, gate: problem.convention, outputCotangent: problem.outputCotangent(),
      lseCotangent: problem.lseCotangent())
    let bound = ErrorBound(
      inputs, attentionCase.function,
      outputCotangent: problem.outputCotangent(), lseCotangent: problem.lseCotangent())
    let tensors = try Implementation(.sequentialProduct, threads: 1).evaluate(attentionCase)
    expected = AttentionTensor.allCases.compactMap { tensor in
      tensors[tensor].map { (tensor, $0, bound.entries[tensor]!) }
    }
  }

  /// Nil if every tensor of an implementation is within the rounding bound of the reference, else what is not.
  ///
  /// - Throws: What the implementation throws.
  public func disagreement(_ implementation: Implementation) throws -> String? {
    let tensors = try implementation.evaluate(attentionCase)
    for (tensor, entries, bound) in expected {
      guard let found = tensors[tensor], found.count == entries.count else { return "\(tensor) is missing" }
      for (index, (a, b)) in zip(entries, found).enumerated() where !(abs(a - b) <= bound) {
        return "\(tensor) off by \(abs(a - b)) at \(Place(index, of: tensor, in: problem.shape)), bound \(bound)"
      }
    }
    return nil
  }
}
