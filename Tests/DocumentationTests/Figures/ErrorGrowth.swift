import LinearAlgebra
import NumberFormats
import PathAttention
import Verification

/// How rounding errors grow with length.
enum ErrorGrowth {
  /// Logits in single precision, by each form, against Double.
  @Sendable static func forms() throws -> String {
    let lengths = [8, 16, 32, 64, 128]
    let forms: [(String, AttentionForm)] = [
      ("sequential product", .sequentialProduct), ("compact WY", .compactWY),
      ("blockwise, blocks of 16, no levels", .blockwise(blockSize: 16, levels: 0)),
      ("blockwise, blocks of 16, folded", .blockwise(blockSize: 16)),
    ]
    let curves = try forms.map { name, form in
      Chart.Curve(name, try lengths.map { length in try (Double(length), 0x1p24 * singlePrecisionError(length, form)) })
    }
    return Chart(
      "Error of logits in float32",
      x: .init("tokens", isLogarithmic: true), y: .init("relative RMS error, in units of 2⁻²⁴", isLogarithmic: true),
      curves: curves
    ).svg
  }

  /// Outputs of the blockwise form with operands of lower precision, against Double.
  @Sendable static func formats() throws -> String {
    let lengths = [64, 128, 256, 512, 1024]
    let formats: [(String, NumberFormat)] = [
      ("bfloat16", .bfloat16), ("float16", .float16), ("float32", .float32),
    ]
    let curves = try formats.flatMap { name, format in
      try ["two", "uniform"].map { strengths in
        Chart.Curve(
          "\(name), β \(strengths == "two" ? "= 2" : "uniform in (0, 2)")",
          try lengths.map { (Double($0), try roundedError($0, format, strengths)) })
      }
    }
    return Chart(
      "Error of outputs, by the format of operands",
      x: .init("tokens", isLogarithmic: true), y: .init("relative RMS error", isLogarithmic: true), curves: curves
    ).svg
  }

  /// ‖Â − A‖ / ‖A‖, for reflections that keep the length of what they reflect.
  static func singlePrecisionError(_ length: Int, _ form: AttentionForm) throws -> Double {
    let exact = try GeneratedText.inputs("B1 T\(length) HQ1 H1 K16 V1 beta=two seed=1")
    func rounded(_ tensor: TokenTensor<Double>) -> [Float] { tensor.entries.map { Float($0) } }
    let (q, k, w) = (rounded(exact.q), rounded(exact.k), rounded(exact.w))
    func inputs<S>(_ convert: (Float) -> S) throws -> AttentionInputs<S> {
      try AttentionInputs(
        shape: exact.shape, q: q.map(convert), k: k.map(convert), v: k[..<length].map(convert), w: w.map(convert),
        beta: (0..<length).map { _ in convert(2) })
    }
    let reference = try logits(inputs { Double($0) }, scale: 1, form: .sequentialProduct)[0, 0]
    let found = try logits(inputs { PlainFloat($0) }, scale: .one, form: form)[0, 0]
    return relativeError(found.entries.map { Double($0.value) }, reference.entries)
  }

  /// The error of o where operands are rounded to a format and sums to float32.
  static func roundedError(_ length: Int, _ format: NumberFormat, _ strengths: String) throws -> Double {
    let inputs = try GeneratedText.inputs("B1 T\(length) HQ1 H1 K32 V32 beta=\(strengths) seed=1")
    let options = AttentionOptions(form: .blockwise(blockSize: 64, levels: 0))
    let rounding = EmulatedRounding(sumLength: 16) { row, point in
      let target: NumberFormat =
        switch point {
        case .accumulators, .rowSums, .gateSums, .transform, .gramReflections, .o, .lse: .float32
        default: format
        }
      for index in row.indices { row[index] = target.round(row[index]) }
    }
    return relativeError(
      try attention(inputs, options, rounding: rounding).o.entries, try attention(inputs, options).o.entries)
  }

  private static func relativeError(_ found: [Double], _ expected: [Double]) -> Double {
    let square = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (square / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
