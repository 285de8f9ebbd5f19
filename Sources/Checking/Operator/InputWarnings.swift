import Foundation
import PathAttention
import Problems

/// What is odd about inputs that the operator accepts, and is mostly a mistake in what was saved.
func inputWarnings(_ attentionCase: AttentionCase) -> [String] {
  let inputs = attentionCase.inputs
  let (w, β) = (inputs.w.entries, inputs.beta.entries)
  var warnings: [String] = []
  let lanes = inputs.shape.keyDim
  let norms = stride(from: 0, to: w.count, by: lanes).map { start in
    w[start..<start + lanes].reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
  // Rows of zeros are padding. A unit vector stored in bfloat16 is off by at most 2⁻⁸.
  let unnormalised = norms.filter { $0 != 0 && abs($0 - 1) > 1.0 / 128 }
  if !unnormalised.isEmpty {
    warnings.append(
      "‖w‖ is not 1 in \(unnormalised.count) of \(norms.count) rows (\(range(unnormalised))): w must be saved as it enters "
        + "the reflections, after its normalisation")
  }
  let outside = β.filter { !(0...2).contains($0) }
  if !outside.isEmpty {
    warnings.append(
      "β lies outside [0, 2] at \(outside.count) of \(β.count) places (\(range(outside))): β must be saved as it enters the "
        + "reflections, as 2 σ(x)")
  }
  if let g = inputs.g?.entries {
    let positive = g.filter { $0 > 0 }
    if !positive.isEmpty {
      warnings.append(
        "g is positive at \(positive.count) of \(g.count) places (up to \(short(positive.max()!))): g is the logarithm of the "
          + "forget gate, log f ≤ 0, and not f itself")
    }
  }
  return warnings
}

/// Which gradients are zero whatever the kernel does, so that a pass says little of them.
func unreachedGradients(
  _ tensors: [AttentionTensor], _ attentionCase: AttentionCase, _ reference: [AttentionTensor: [Double]]
) -> [String] {
  guard let cotangent = attentionCase.outputCotangent, tensors.contains(where: \.isGradient) else { return [] }
  if cotangent.allSatisfy({ $0 == 0 }) {
    return ["do is zero everywhere, so every gradient is zero: nothing is known of a backward pass that gives that"]
  }
  let zero = tensors.filter { $0.isGradient && reference[$0]!.allSatisfy { $0 == 0 } }
  guard !zero.isEmpty else { return [] }
  return [
    "no cotangent reaches \(zero.map(\.rawValue).joined(separator: ", ")): these gradients are zero with these inputs, and a pass "
      + "says only that the candidate's are too"
  ]
}

private func range(_ values: [Double]) -> String { "\(short(values.min()!)) to \(short(values.max()!))" }

private func short(_ value: Double) -> String { String(format: "%.3g", value) }
