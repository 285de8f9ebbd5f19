import LinearAlgebra
import NumberFormats
import PathAttention
import Problems

/// A known way of computing something other than PaTH attention: a mistake met in real implementations, or the other side
/// of a convention.
///
/// A variant is the definition's own program with one step changed (`ProgramChoices`), now and then with a change of a
/// whole tensor before or after it. Its gradients are those of what it computes, by differentiation of the program, unless
/// the gradient is where the mistake is.
public struct Variant: Sendable, CustomStringConvertible {
  /// Like `block.transposedR`. Ids are never renamed.
  public let id: String
  /// What is done differently, and how one comes to do it, in one line.
  public let summary: String
  /// In how many blocks a segment must be cut for the variant to differ; 1 if one block is enough.
  public let minimumBlocks: Int
  /// Whether the result depends on the block size.
  public let dependsOnBlockSize: Bool

  let choices: ProgramChoices
  let inputChange: InputChange?
  let outputChange: OutputChange?

  init(
    _ id: String, _ summary: String, blocks: Int? = nil, input: InputChange? = nil, output: OutputChange? = nil,
    _ choose: (inout ProgramChoices) -> Void = { _ in }
  ) {
    self.id = id
    self.summary = summary
    minimumBlocks = blocks ?? 1
    dependsOnBlockSize = blocks != nil
    inputChange = input
    outputChange = output
    var choices = ProgramChoices()
    choose(&choices)
    self.choices = choices
  }

  /// The id.
  public var description: String { id }

  /// Whether o and the log-sum-exp are right, and only gradients are not.
  public var changesOnlyGradients: Bool {
    var forward = choices
    forward.backward = BackwardChoices()
    return forward == ProgramChoices() && inputChange == nil
  }

  /// Whether the logits are polynomials in the inputs (rational functions for `ut.diagonalInside`, polynomials in inputs and
  /// exponentials of gates for `ut.gated`), so that they can be evaluated in the prime field.
  public var hasExactLogits: Bool { inputChange?.isPolynomial ?? true }

  /// Whether the logits have another scale and a scaled gate does not.
  var scalesAllButTheGate: Bool { choices.logitFactor != 1 }

  /// Whether the variant is the definition itself where the gate enters like this.
  public func isNominal(_ gate: GateConvention) -> Bool {
    choices.gate == (gate == .scaled ? .scaled : .unscaled)
  }

  /// The variant as an implementation, in Double.
  ///
  /// One query head of one segment of L tokens takes O(L² (d + B)) operations for blocks of B rows, and several L × L
  /// matrices of memory.
  ///
  /// - Parameter blockSize: Rows per block; a size of at least L gives the compact-WY form.
  /// - Precondition: The block size is positive.
  public func implementation(blockSize: Int) -> Implementation {
    precondition(blockSize > 0, "a block has at least one row, found \(blockSize)")
    return Implementation(name: id) { try evaluate($0, blockSize: blockSize) }
  }

  /// What the variant computes for a case: o, lse (`softmax.none` has none), and every gradient when the case has a
  /// cotangent.
  ///
  /// - Parameter rounding: How a kernel that makes the mistake rounds; not at all when nil.
  package func evaluate(
    _ attentionCase: AttentionCase, blockSize: Int, rounding: EmulatedRounding? = nil
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    var changed = attentionCase
    if let inputChange { changed.inputs = try inputChange.apply(to: attentionCase.inputs) }
    var tensors = try choices.evaluate(changed, blockSize: blockSize, rounding: rounding)
    inputChange?.pullBack(&tensors, to: attentionCase.inputs)
    outputChange?.apply(to: &tensors, of: attentionCase.inputs.shape)
    if let rounding {
      for (tensor, entries) in tensors {
        var entries = entries
        entries.withUnsafeMutableBufferPointer { rounding.round($0, RoundingPoint(result: tensor)) }
        tensors[tensor] = entries
      }
    }
    return tensors
  }
}
