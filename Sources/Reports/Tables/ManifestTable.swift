import Checking

/// The manifest of `pathcheck generate` as text.
package struct ManifestTable {
  package let text: String

  package init(_ manifest: CaseManifest) {
    var lines = [
      "seed       \(manifest.seed)", "dtype      \(manifest.dtype)",
      "blocks     \(manifest.blockSizes.map(String.init).joined(separator: ", "))", "",
    ]
    lines +=
      TextTable(
        header: ["case", "shape", "scale", "gate", "catches"],
        rows: manifest.cases.map { entry in
          let shape = entry.shape
          return [
            entry.case,
            "B \(shape.batch), T \(shape.length), HQ \(shape.queryHeads), H \(shape.heads), K \(shape.keyDim), "
              + "V \(shape.valueDim)" + (shape.segments > shape.batch ? ", \(shape.segments) segments" : ""),
            number(entry.scale, "%.4g"), entry.gate?.rawValue ?? "–",
            entry.catches.map { "\($0.count) of \($0.count + (entry.misses?.count ?? 0))" } ?? "–",
          ]
        }
      ).lines
    for entry in manifest.cases {
      lines += ["", entry.case] + wrapped(entry.purpose)
      if let catches = entry.catches, let misses = entry.misses {
        lines +=
          misses.count < catches.count
          ? wrapped(
            misses.isEmpty ? "catches every known mistake" : "does not catch: \(misses.joined(separator: ", "))")
          : wrapped("catches: \(catches.joined(separator: ", "))")
      }
      if let problem = entry.problem { lines.append("  problem: \(problem)") }
    }
    if let separation = manifest.separation {
      let nearest = separation.unseparated
      lines += [
        "",
        "\(separation.pairs - nearest.count) of \(separation.pairs) pairs of known mistakes are "
          + "\(number(separation.required, "%.0f")) times the honest error apart in a discriminating case, or more"
          + (nearest.isEmpty ? "" : "; not:"),
      ]
      lines += nearest.map { "  \($0.first), \($0.second): \(number($0.multiple, "%.2g"))" }
    }
    text = lines.joined(separator: "\n")
  }
}

/// Lines of up to 100 characters, indented.
private func wrapped(_ text: String) -> [String] {
  text.split(separator: " ").reduce(into: [String]()) { lines, word in
    if let last = lines.last, last.count + word.count < 100 {
      lines[lines.count - 1] = "\(last) \(word)"
    } else {
      lines.append("  \(word)")
    }
  }
}
