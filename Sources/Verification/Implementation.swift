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
      let options = AttentionOptions(
        scale: attentionCase.scale, gate: attentionCase.gate, form: form, queryTokens: attentionCase.queryTokens,
        threads: threads)
      let outputs = try attention(inputs, options)
      var tensors = [(AttentionTensor.o, outputs.o), (.lse, outputs.lse)]
      if let outputCotangent = attentionCase.outputCotangent {
        let gradients = try attentionGradients(
          of: inputs, outputs: outputs, outputCotangent: outputCotangent.map { R($0) },
          lseCotangent: attentionCase.lseCotangent?.map { R($0) }, options)
        tensors += gradients.tensors
      }
      return Dictionary(uniqueKeysWithValues: tensors.map { ($0, $1.entries.map { Double($0) }) })
    }
  }
}

/// One problem with everything that determines its outputs.
public struct AttentionCase: Sendable {
  /// q, k, v, w, β and, if there is a gate, g.
  public var inputs: AttentionInputs<Double>
  /// The factor of the logits; 1/√d_k when nil.
  public var scale: Double?
  /// How the gate enters.
  public var gate: GateConvention
  /// do, [B, T, HQ, V], when gradients are wanted.
  public var outputCotangent: [Double]?
  /// The cotangent of lse, [B, T, HQ], or nil for zero.
  public var lseCotangent: [Double]?
  /// The tokens, over the whole batch, whose queries are wanted; all when nil. Cotangents are zero in the rows of others.
  public var queryTokens: [Int]?

  /// A case, forward only unless there is a cotangent.
  public init(
    _ inputs: AttentionInputs<Double>, scale: Double? = nil, gate: GateConvention = .scaled,
    outputCotangent: [Double]? = nil, lseCotangent: [Double]? = nil, queryTokens: [Int]? = nil
  ) {
    self.inputs = inputs
    self.scale = scale
    self.gate = gate
    self.outputCotangent = outputCotangent
    self.lseCotangent = lseCotangent
    self.queryTokens = queryTokens
  }
}
