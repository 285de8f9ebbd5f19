import LinearAlgebra
import PathAttention

/// Anything that claims to compute PaTH attention: a form of this library, a mutant of the reference, or a function of the
/// user's own. Laws, gradient checks and mutants take an implementation, so each of them can be turned on each other.
public struct Implementation: Sendable {
  /// What reports call it.
  public let name: String
  /// Computes what a case asks for, under the names that tensors have in files: o and lse, and every gradient when the case
  /// has a cotangent.
  public let evaluate: @Sendable (AttentionCase) throws -> [AttentionTensor: [Double]]

  /// A function under a name.
  public init(
    name: String, evaluate: @escaping @Sendable (AttentionCase) throws -> [AttentionTensor: [Double]]
  ) {
    self.name = name
    self.evaluate = evaluate
  }

  /// One of the three forms of this library, computing in Double or in another precision to which the case is rounded.
  public init<R: RealScalar & BinaryFloatingPoint>(
    _ form: AttentionForm, in precision: R.Type = Double.self, threads: Int? = nil
  ) {
    self.init(name: precision == Double.self ? "\(form)" : "\(form) in \(precision)") { attentionCase in
      let inputs = try attentionCase.inputs.map { $1.map { R($0) } }
      let execution = AttentionExecution(form: form, threads: threads)
      let function = AttentionFunction(scale: R(attentionCase.function.scale), gate: attentionCase.function.gate)
      let outputs = try attention(inputs, function, execution, queryTokens: attentionCase.queryTokens)
      var tensors = [(AttentionTensor.o, outputs.o), (.lse, outputs.lse)]
      if let outputCotangent = attentionCase.outputCotangent {
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: outputCotangent.map { R($0) },
          lseCotangent: attentionCase.lseCotangent?.map { R($0) }, execution)
        tensors += gradients.tensors
      }
      return Dictionary(uniqueKeysWithValues: tensors.map { ($0, $1.entries.map { Double($0) }) })
    }
  }
}

extension [AttentionTensor: [Double]] {
  /// What an implementation returned under a name.
  package func entries(
    _ tensor: AttentionTensor, count: Int, of implementation: Implementation
  ) throws(ImplementationError) -> [Double] {
    guard let entries = self[tensor] else {
      throw .missing(tensor: tensor.rawValue, implementation: implementation.name)
    }
    guard entries.count == count else {
      throw .count(tensor: tensor.rawValue, expected: count, found: entries.count)
    }
    return entries
  }
}

/// What an implementation did not return as it should.
public enum ImplementationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A tensor that is needed is not there.
  case missing(tensor: String, implementation: String)
  /// A tensor has the wrong number of entries.
  case count(tensor: String, expected: Int, found: Int)

  /// One line.
  public var description: String {
    switch self {
    case .missing(let tensor, let implementation): "'\(implementation)' must return '\(tensor)', found nothing"
    case .count(let tensor, let expected, let found):
      "tensor '\(tensor)' must have \(expected) entries, found \(found)"
    }
  }
}
