import NumberFormats

/// The relative RMS error that is let pass, by the format a kernel works in.
///
/// In units of the format's unit roundoff u: a kernel that rounds operands and results to u and accumulates in Float32 is
/// within 1 to 3 u on real problems. For Float32 and Float64 the accumulation itself is in that format, so its
/// error grows with the length of sums, and the limits are wider. The table is blunt: it sees one number per tensor.
/// Outputs of a layer are judged by it where emulated rounding says nothing; those of the operator have an `Envelope`.
///
/// | format | u | pass up to | marginal up to |
/// |---|---|---|---|
/// | BF16 | 2⁻⁸ | 8 u = 3.1e-2 | 16 u = 6.3e-2 |
/// | F16 | 2⁻¹¹ | 8 u = 3.9e-3 | 16 u = 7.8e-3 |
/// | F32 | 2⁻²⁴ | 64 u = 3.8e-6 | 256 u = 1.5e-5 |
/// | F64 | 2⁻⁵³ | 4096 u = 4.5e-13 | 16384 u = 1.8e-12 |
struct ErrorLimit {
  let pass: Double
  let marginal: Double

  /// The limit for a tensor, given the coarser of the format of the inputs and the tensor's own.
  init(_ format: NumberFormat) {
    let (pass, marginal): (Double, Double) =
      switch format {
      case .bfloat16, .float16, .tensorFloat32: (8, 16)
      case .float32: (64, 256)
      case .float64: (4096, 16384)
      }
    self.pass = pass * format.unitRoundoff
    self.marginal = marginal * format.unitRoundoff
  }

  /// NaN fails.
  func verdict(_ rmsRatio: Double) -> Verdict {
    rmsRatio <= pass ? .pass : rmsRatio <= marginal ? .marginal : .fail
  }
}
