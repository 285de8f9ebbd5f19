import Foundation
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import RealModule
import Reports

/// How rounding errors grow with length.
enum ErrorGrowth {
  static let forms: [(name: String, form: AttentionForm)] = [
    ("sequential product", .sequentialProduct), ("compact WY", .compactWY),
    ("blockwise, blocks of 16, no levels", .blockwise(blockSize: 16, levels: 0)),
    ("blockwise, blocks of 16, folded", .blockwise(blockSize: 16)),
  ]
  static let lengths = [8, 16, 32, 64, 128]

  /// Logits in single precision, by each form, against Double.
  @Sendable static func single() throws -> String {
    try chart(
      "Error of logits in float32", unit: 0x1p-24, unitName: "2⁻²⁴",
      forms.map { name, form in
        (name, try lengths.map { try errors($0, form, in: Float.self, against: Double.self).logits })
      })
  }

  #if arch(x86_64)
    /// Logits and the gradient of w in double precision, by each form, against extended precision.
    @Sendable static func double() throws -> String {
      let errors = try doubleErrors()
      return chart(
        "Error of logits, and of dw (dashed), in float64", unit: 0x1p-53, unitName: "2⁻⁵³",
        errors.map { ($0.name, $0.errors.map(\.logits)) }, dashed: errors.map { ($0.name, $0.errors.map(\.dw)) })
    }

    /// For each form the p of error ≈ c Lᵖ by least squares, as a table.
    @Sendable static func exponents() throws -> String {
      let rows = try doubleErrors().map { name, errors in
        "| \(name) | L^\(text(slope(errors.map(\.logits)))) | L^\(text(slope(errors.map(\.dw)))) |"
      }
      return (["| form | logits | dw |", "|---|---|---|"] + rows).joined(separator: "\n")
    }

    private static func text(_ exponent: Double) -> String { String(format: "%.1f", exponent) }

    private static func doubleErrors() throws -> [(name: String, errors: [Errors])] {
      try forms.map { name, form in
        (name, try lengths.map { try errors($0, form, in: Double.self, against: Float80.self) })
      }
    }
  #endif

  private static func chart(
    _ title: String, unit: Double, unitName: String, _ curves: [(String, [Double])],
    dashed: [(String, [Double])] = []
  ) -> String {
    func points(_ errors: [Double]) -> [(x: Double, y: Double)] {
      zip(lengths, errors).map { (Double($0), $1 / unit) }
    }
    return Chart(
      title, x: .init("tokens", isLogarithmic: true),
      y: .init("relative RMS error, in units of \(unitName)", isLogarithmic: true),
      curves: (curves.map { Chart.Curve($0, points($1)) }
        + dashed.enumerated().map { Chart.Curve($1.0 + ", dw", points($1.1), isDashed: true, colouredAs: $0) })
    ).svg
  }

  private static func slope(_ errors: [Double]) -> Double {
    let (x, y) = (lengths.map { Double.log(Double($0)) }, errors.map { Double.log($0) })
    let (meanX, meanY) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
    let covariance = zip(x, y).reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
    return covariance / x.reduce(0) { $0 + ($1 - meanX) * ($1 - meanX) }
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

  struct Errors {
    /// ‖Â − A‖ / ‖A‖
    let logits: Double
    /// The same for the gradient of w for a random cotangent of A.
    let dw: Double
  }

  /// The errors of a form in one precision against the sequential product in another, for reflections that keep the length
  /// of what they reflect.
  static func errors<Value: BinaryFloatingPoint & Sendable, Exact: Scalar & BinaryFloatingPoint>(
    _ length: Int, _ form: AttentionForm, in precision: Value.Type, against exact: Exact.Type
  ) throws -> Errors {
    let drawn = try GeneratedText.inputs("B1 T\(length) HQ1 H1 K16 V1 beta=two seed=1")
    func rounded(_ tensor: TokenTensor<Double>) -> [Value] { tensor.entries.map { Value($0) } }
    let (q, k, w) = (rounded(drawn.q), rounded(drawn.k), rounded(drawn.w))
    var random = SeededGenerator(seed: 1, part: "cotangent of logits")
    let cotangents = (0..<length * length).map { _ in Value(random.normal()) }
    func evaluate<S: Scalar>(_ form: AttentionForm, _ convert: (Value) -> S, one: S) throws -> (A: [S], dw: [S]) {
      let inputs = try AttentionInputs(
        shape: drawn.shape, q: q.map(convert), k: k.map(convert), v: k[..<length].map(convert), w: w.map(convert),
        beta: (0..<length).map { _ in convert(2) })
      let cotangent = LogitTable<S>(inputs)
      for i in 0..<length {
        for j in 0...i { cotangent[0, 0].mutableView[i, j] = convert(cotangents[i * length + j]) }
      }
      return (
        try logits(inputs, AttentionFunction(scale: one), form: form)[0, 0].entries,
        try logitGradients(of: inputs, cotangent: cotangent, AttentionFunction(scale: one), form: form).dw.entries
      )
    }
    let expected = try evaluate(.sequentialProduct, { Exact($0) }, one: Exact.one)
    let found = try evaluate(form, { PlainReal($0) }, one: PlainReal<Value>(1))
    return Errors(
      logits: relativeError(found.A.map { Exact($0.value) }, expected.A),
      dw: relativeError(found.dw.map { Exact($0.value) }, expected.dw))
  }

  /// The error of o where operands are rounded to a format and sums to float32.
  static func roundedError(_ length: Int, _ format: NumberFormat, _ strengths: String) throws -> Double {
    let inputs = try GeneratedText.inputs("B1 T\(length) HQ1 H1 K32 V32 beta=\(strengths) seed=1")
    let execution = AttentionExecution(form: .blockwise(blockSize: 64, levels: 0))
    let rounding = EmulatedRounding(sumLength: 16) { row, point in
      let target: NumberFormat =
        switch point {
        case .accumulators, .rowSums, .gateSums, .transform, .gramReflections, .o, .lse: .float32
        default: format
        }
      for index in row.indices { row[index] = target.round(row[index]) }
    }
    return relativeError(
      try attention(inputs, inputs.function(), execution, rounding: rounding).o.entries,
      try attention(inputs, execution).o.entries)
  }

  private static func relativeError<Exact: BinaryFloatingPoint>(_ found: [Exact], _ expected: [Exact]) -> Double {
    let square = zip(found, expected).reduce(Exact.zero) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return Double((square / expected.reduce(Exact.zero) { $0 + $1 * $1 }).squareRoot())
  }
}
