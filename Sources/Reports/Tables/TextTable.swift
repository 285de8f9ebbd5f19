import Foundation

/// Columns of text, as wide as they need to be.
struct TextTable {
  package let header: [String]
  package let rows: [[String]]

  package var lines: [String] {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    return ([header] + rows).map { row in
      zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
        .joined(separator: "  ").trimmingCharacters(in: .whitespaces)
    }
  }
}

/// A number by a `printf` format.
package func number(_ value: Double, _ format: String) -> String {
  value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "−∞" : "∞") : String(format: format, value)
}
