import Foundation
import NumberFormats
import PathAttention
import Reports

/// How a cache drifts, as the table of the page on decoding has it. That the table is right is tested to 5 %: the last digits
/// depend on the processor.
enum Drift {
  @Sendable static func figure() throws -> String {
    // Rows of ten numbers: the steps, and errors of the oldest key, all keys and the output for each of three formats.
    let rows = try Page("Docs/Inference.md").lines.map { line in
      line.split(separator: "|").compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
    }.filter { $0.count == 10 }
    let formats = ["bfloat16", "float16", "float32"]
    let measured = [(column: 1, "oldest key"), (column: 3, "output")].flatMap { column, name in
      formats.enumerated().map { index, format in
        Chart.Curve("\(format), \(name)", rows.map { ($0[0], $0[column + 3 * index]) })
      }
    }
    let model = zip(formats, [0x1p-8, 0x1p-11, 0x1p-24]).map { format, unitRoundoff in
      Chart.Curve(
        "\(format), 0.41 u √n", rows.map { ($0[0], 0.41 * unitRoundoff * $0[0].squareRoot()) }, isDashed: true)
    }
    return Chart(
      "Drift of a cache that is rounded at every step", x: .init("tokens decoded", isLogarithmic: true),
      y: .init("relative RMS error", isLogarithmic: true), curves: measured + model
    ).svg
  }
}
