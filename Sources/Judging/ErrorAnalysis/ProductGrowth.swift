import LinearAlgebra
import PathAttention

/// How much products of reflections may grow: the product of ‖H_t‖₂ = max(1, |1 − β_t ‖w_t‖²|) over a segment, for the worst
/// segment and head; and at how many tokens β‖w‖² lies outside [0, 2].
package func productGrowth(_ inputs: AttentionInputs<Double>) -> (factor: Double, outside: Int) {
  var worst = 1.0
  var outside = 0
  for segment in inputs.segments {
    for head in 0..<inputs.shape.heads {
      let W = inputs.w.window(segment, head: head)
      let β = inputs.beta.window(segment, head: head)
      var growth = 1.0
      for t in 0..<segment.count {
        let strength = β[t, 0] * Double.dot(W.row(t), W.row(t))
        if strength < 0 || strength > 2 { outside += 1 }
        growth *= max(1, abs(1 - strength))
      }
      worst = max(worst, growth)
    }
  }
  return (worst, outside)
}
