import Judging
import PathAttention

/// What the verdicts say of dS, the cotangent of the logits, taken together.
///
/// The gradients of q, k, w and β are a linear map of dS, and the identities between them hold for any dS at all. So where
/// all of them are wrong and still satisfy the identities, while dv, which comes from P and do alone, is right, the map is
/// right and dS is not.
package enum ScoreCotangent {
  /// The sentence that says so; nil where the verdicts do not.
  ///
  /// - Parameters:
  ///   - verdicts: Those of the tensors that the candidate has.
  ///   - identities: Those between its gradients.
  package static func sentence(_ verdicts: [AttentionTensor: Verdict], _ identities: [IdentityReport]) -> String? {
    func isRight(_ tensor: AttentionTensor) -> Bool { verdicts[tensor] == .pass }
    let through = [AttentionTensor.dq, .dk, .dw, .dbeta].filter { verdicts[$0] != nil }
    let tested = identities.map(\.name)
    guard isRight(.dv), verdicts[.o].map({ $0 != .fail }) ?? true, verdicts[.lse].map({ $0 != .fail }) ?? true,
      through.count >= 2, through.allSatisfy({ verdicts[$0] != .pass }),
      through.contains(where: { verdicts[$0] == .fail }),
      tested.contains(.reflectionScaling) || tested.contains(.rotation), identities.allSatisfy(\.holds)
    else { return nil }
    let wrong = through.map(\.rawValue) + (verdicts[.dg] == .fail ? ["dg"] : [])
    return
      "dv is right, and \(list(wrong)) are wrong but keep the identities that any dS gives them: so dS = P ∘ (do Vᵀ − δ) "
      + "itself is wrong, and what is computed from it is not. As P is right in dv, look at do Vᵀ and at δ = rowsum(do ∘ o): "
      + "how δ is stored, read and subtracted"
  }

  private static func list(_ words: [String]) -> String {
    words.dropLast().joined(separator: ", ") + " and " + words.last!
  }
}
