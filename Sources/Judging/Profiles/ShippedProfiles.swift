import NumberFormats

extension NumericsProfile {
  /// The profiles that can be asked for by name.
  public static let shipped: [NumericsProfile] = [fla, bf16, f16, tf32, f32, f64]

  /// flash-linear-attention 0.6.0, `parallel_path_attn`, in the dtype of its inputs.
  public static let fla = NumericsProfile(
    name: "fla",
    note:
      "flash-linear-attention 0.6.0: products in the dtype of the inputs, carried queries against w and U in float16, "
      + "M⁻¹, w, β, gate sums and accumulators in float32",
    blockSize: 64, sumLength: 16, operands: .activation, sums: .format(.float32), results: .activation,
    points: [
      .gramReflections: .format(.float32), .carriedX: .format(.float16), .carryFactors: .format(.float16),
      .R: .format(.float32), .Q̃: .activation, .outputCotangents: .format(.float32),
      .lse: .format(.float32), .dbeta: .format(.float32), .dg: .format(.float32),
    ])

  /// Tensor-core products in bfloat16.
  public static let bf16 = halfPrecision("bf16", .bfloat16)

  /// Tensor-core products in float16.
  public static let f16 = halfPrecision("f16", .float16)

  /// Tensor-core products of float32 operands cut to 11 digits, everything else in float32.
  public static let tf32 = NumericsProfile(
    name: "tf32", note: "products of operands in tensorFloat32, everything else in float32", sumLength: 8,
    operands: .format(.tensorFloat32), sums: .format(.float32), results: .format(.float32))

  /// Everything in float32, sums rounded every two terms.
  public static let f32 = singleFormat("f32", .float32)

  /// Everything in float64, sums rounded every two terms.
  public static let f64 = singleFormat("f64", .float64)

  private static func halfPrecision(_ name: String, _ format: NumberFormat) -> NumericsProfile {
    NumericsProfile(
      name: name, note: "operands and results in \(format), M⁻¹, the log-sum-exp and accumulators in float32",
      sumLength: 16, operands: .format(format), sums: .format(.float32), results: .format(format),
      points: [
        .gramReflections: .format(.float32), .outputCotangents: .format(.float32), .lse: .format(.float32),
      ])
  }

  private static func singleFormat(_ name: String, _ format: NumberFormat) -> NumericsProfile {
    NumericsProfile(
      name: name, note: "everything in \(format)", sumLength: 2, operands: .format(format),
      sums: .format(format), results: .format(format))
  }

  /// The profile of a kernel that works in a format.
  public static func usual(for format: NumberFormat) -> NumericsProfile {
    switch format {
    case .bfloat16: bf16
    case .float16: f16
    case .tensorFloat32: tf32
    case .float32: f32
    case .float64: f64
    }
  }
}
