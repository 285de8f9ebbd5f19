/// A 2-norm that neither overflows nor underflows: the largest magnitude, and the sum of squares relative to it.
package struct ScaledNorm {
  private var scale = 0.0
  private var sum = 0.0

  /// ‖0‖, to be added to.
  package init() {}

  /// ‖x‖₂
  package init(of x: [Double]) {
    for x in x { add(x) }
  }

  /// ‖x − y‖₂
  package init(of x: [Double], minus y: [Double]) {
    for (x, y) in zip(x, y) { add(x - y) }
  }

  package mutating func add(_ x: Double) {
    let magnitude = abs(x)
    guard magnitude != 0 else { return }
    if magnitude > scale {
      let ratio = scale / magnitude
      sum = 1 + sum * ratio * ratio
      scale = magnitude
    } else {
      // NaN comes here, and stays.
      let ratio = magnitude / scale
      sum += ratio * ratio
    }
  }

  /// The norm, which may be beyond what a `Double` holds.
  package var value: Double { scale * sum.squareRoot() }

  /// This norm divided by another: 0 when both are zero, +∞ when only the other is.
  package func relative(to other: ScaledNorm) -> Double {
    if scale == 0 && !sum.isNaN { return 0 }
    return other.scale == 0 ? .infinity : scale / other.scale * (sum / other.sum).squareRoot()
  }
}
