import LinearAlgebra
import PathAttention

/// How the products and sums of a program are computed.
struct ProgramArithmetic<S: Scalar>: Sendable {
  /// C ← C + A B or C − A B, with operands that enter it at two points of a kernel.
  let accumulate:
    @Sendable (
      _ A: MatrixView<S>, _ a: RoundingPoint, _ B: MatrixView<S>, _ b: RoundingPoint, MutableMatrixView<S>,
      ProductUpdate
    )
      -> Void
  /// Sums, rounded as they are kept.
  package let round: @Sendable (MutableMatrixView<S>) -> Void

  /// That of the scalar.
  package static var exact: Self {
    Self(
      accumulate: { A, _, B, _, C, update in
        if update == .subtract { subtractProduct(A, B, from: C) } else { addProduct(A, B, to: C) }
      }, round: { _ in })
  }
}

extension ProgramArithmetic<Double> {
  /// As a kernel computes them that rounds: operands as they enter a product, sums as they grow.
  package static func rounded(_ emulation: EmulatedRounding) -> Self {
    let rounding = ScaledRounding(emulation: emulation, scale: 1)
    return Self(
      accumulate: { A, a, B, b, C, update in rounding.multiply(A, a, B, b, into: C, update) },
      round: { rounding.round($0, .accumulators) })
  }
}
