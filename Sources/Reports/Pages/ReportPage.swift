import Checking
import Foundation
import Judging
import Mistakes
import PathAttention
import TensorFiles

/// A cross-check as one HTML page that needs nothing else: no network, no scripts, light or dark as the reader's system is.
public struct ReportPage: Sendable {
  /// The document.
  public let html: String

  /// Draws the page.
  ///
  /// - Parameters:
  ///   - result: The report, and the maps of its tensors.
  ///   - command: The command that makes the report again, as it would be typed.
  public init(_ result: DetailedCrossCheck, command: String) {
    let report = result.report
    // What fails comes first; otherwise the order is kept.
    let worstFirst = zip(report.judged, result.maps).enumerated().sorted {
      ($1.element.0.verdict, $0.offset) < ($0.element.0.verdict, $1.offset)
    }
    let sections = worstFirst.map { TensorSection($0.element.0, $0.element.1, report).html }
    html = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta name="color-scheme" content="light dark"/>
      <title>\(Self.verdict(report)) · \(report.case.excerpt().escapedForXML)</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <header>
      <h1>\(badge(report.verdict, Self.verdict(report))) \(report.case.excerpt().escapedForXML)</h1>
      <p class="lead">\(Self.summary(report).escapedForXML)</p>
      </header>
      \(Self.wrongSteps(report))
      \(Self.diagnosis(report))
      <h2>Outputs</h2>
      \(Self.tensors(report))
      <h2>Where the error is</h2>
      <p>Each row (token × head) in multiples of its envelope: the error that an honest implementation of profile \
      <b>\(report.profile.name.excerpt().escapedForXML)</b> has there. 1 is ordinary; up to \(format(Verdict.passMultiple, "%g")) \
      passes, up to \(format(Verdict.marginalMultiple, "%g")) is marginal. Ticks are block edges\
      \(result.maps.contains { !$0.boundaries.isEmpty } ? ", vertical lines segment boundaries" : "").</p>
      \(Self.legend)
      \(sections.joined(separator: "\n"))
      \(Self.logits(result.logits))
      \(Self.identities(report))
      <h2>For your own test suite</h2>
      \(Self.metrics(report))
      \(Self.blindSpots(report))
      <h2>Conditions</h2>
      \(Self.conditions(report))
      <h2>Reproduce</h2>
      <pre>\(command.escapedForXML)</pre>
      </body>
      </html>

      """
  }

  // MARK: Parts

  private static func verdict(_ report: CrossCheckReport) -> String {
    report.isUnjudged ? "NOT JUDGED" : report.verdict.rawValue.uppercased()
  }

  private static func summary(_ report: CrossCheckReport) -> String {
    func names(_ verdict: Verdict) -> String {
      report.judged.filter { $0.verdict == verdict && !$0.isUnjudged }.map(\.name).joined(separator: ", ")
    }
    let unjudged = report.judged.filter(\.isUnjudged).map(\.name).joined(separator: ", ")
    let failing = names(.fail)
    let marginal = names(.marginal)
    let passing = names(.pass)
    return [
      failing.isEmpty ? nil : "Rounding does not explain the error of \(failing).",
      unjudged.isEmpty ? nil : "Of \(unjudged) nothing could be judged.",
      marginal.isEmpty ? nil : "Worth a look: \(marginal).",
      passing.isEmpty ? nil : "Rounding explains the error of \(passing).",
    ].compactMap { $0 }.joined(separator: " ")
  }

  private static func diagnosis(_ report: CrossCheckReport) -> String {
    guard let diagnosis = report.diagnosis else { return "" }
    let items = diagnosis.tensors.map { tensor in
      let summaries = tensor.variants.compactMap { VariantCatalogue[$0]?.summary }
      return "<li><b>\(tensor.name)</b> \("\(tensor)".escapedForXML)"
        + (summaries.count == 1 ? "<br/><span class=\"note\">\(summaries[0].escapedForXML)</span>" : "") + "</li>"
    }
    let note = [diagnosis.cause, diagnosis.note].compactMap { $0 }
      .map { "<p class=\"note\">\($0.escapedForXML)</p>" }.joined(separator: "\n")
    return "<h2>Diagnosis</h2>\n<ul>\(items.joined(separator: "\n"))</ul>\(note)"
  }

  private static func wrongSteps(_ report: CrossCheckReport) -> String {
    guard let steps = report.firstWrongStages else { return "" }
    return "<p>First wrong step: \(steps.map { "\($0)".escapedForXML }.joined(separator: "; ")).</p>"
  }

  private static func tensors(_ report: CrossCheckReport) -> String {
    table(
      ["tensor", "dtype", "verdict", "multiple of envelope", "relative RMS", "honest RMS", "max abs", "at"],
      report.judged.map { tensor in
        [
          "<b>\(tensor.name)</b>", tensor.dtype,
          badge(tensor) + (tensor.nonFinite > 0 ? " \(tensor.nonFinite) NaN or ∞" : "")
            + (tensor.rows > tensor.judgedRows ? " \(tensor.rows - tensor.judgedRows) rows not judged" : ""),
          multipleText(tensor.envelopeMultiple.value), relativeErrorText(tensor.rmsRatio.value),
          format(tensor.passLimit / Verdict.passMultiple, "%.2g"), format(tensor.maxAbs.value, "%.3g"),
          tensor.maxAbsAt.map { "\($0)" } ?? "–",
        ]
      })
  }

  private static var legend: String {
    let items = HeatLevel.allCases.map { level in
      "<span><svg viewBox=\"0 0 14 14\"><path class=\"\(level)\" stroke-width=\"14\" d=\"M0 7h14\"/></svg> \(level.words)</span>"
    }
    return "<p class=\"legend\">\(items.joined())</p>"
  }

  private static func logits(_ tiles: LogitTiles?) -> String {
    guard let tiles else { return "" }
    let whose =
      tiles.variant.map {
        "Where the logits of <code>\($0)</code>, which the candidate matches, differ from the definition"
      } ?? "Where the candidate's logits are off"
    return """
      <h2>Logit tiles</h2>
      <p>\(whose), in tiles of \(tiles.tileSize) queries (downwards) by \(tiles.tileSize) keys (to the right): the worst row \
      of each, in multiples of its envelope\(tiles.note.map { "; \($0.escapedForXML)" } ?? "").</p>
      \(TileMap(tiles).html)
      """
  }

  private static func identities(_ report: CrossCheckReport) -> String {
    guard !report.identities.isEmpty else { return "" }
    return "<h2>Identities of the candidate's own gradients</h2>\n"
      + table(
        ["identity", "residual", "limit", "holds"],
        report.identities.map { identity in
          [
            identity.name.formula, format(identity.residual.value, "%.3g"), format(identity.limit.value, "%.2g"),
            identity.holds ? "yes" : "<b>no</b>",
          ]
        })
  }

  private static func metrics(_ report: CrossCheckReport) -> String {
    table(
      ["tensor", "rtol", "atol", "NMSE", "1 − cosine", "max ulp"],
      report.judged.map { tensor in
        let metrics = tensor.metrics
        return [
          "<b>\(tensor.name)</b>", format(metrics.rtol.value, "%.2g"), format(metrics.atol.value, "%.2g"),
          format(metrics.nmse.value, "%.2g"), format(1 - metrics.cosine.value, "%.2g"),
          format(metrics.maxUlp.value, "%.3g"),
        ]
      }) + "<p class=\"note\">rtol and atol are the smallest pair with which it would have passed as allclose.</p>"
  }

  private static func blindSpots(_ report: CrossCheckReport) -> String {
    guard let spots = report.blindSpots, !spots.isEmpty else { return "" }
    let items = spots.map { spot in
      let sizes = spot.blockSizes.map { " (blocks of \($0.map(String.init).joined(separator: ", ")))" } ?? ""
      return
        "<li><code>\(spot.variant)</code>\(sizes): \((VariantCatalogue[spot.variant]?.summary ?? "").escapedForXML)</li>"
    }
    return """
      <h2>Blind spots</h2>
      <details><summary>\(spots.count) known mistakes these inputs cannot tell from the definition, so that a pass says \
      nothing of them</summary><ul>\(items.joined(separator: "\n"))</ul></details>
      """
  }

  private static func conditions(_ report: CrossCheckReport) -> String {
    let (shape, options, profile) = (report.shape, report.options, report.profile)
    var rows = [
      (
        "shape",
        "B \(shape.batch), T \(shape.length), HQ \(shape.queryHeads), H \(shape.heads), K \(shape.keyDim), "
          + "V \(shape.valueDim), \(shape.segments) \(shape.segments == 1 ? "segment" : "segments")"
      ),
      ("options", "scale \(options.scale), \(options.gated ? "gate \(options.gate)" : "no gate")"),
      ("reference", "\(options.form), Float64"),
      (
        "profile",
        "\(profile.name.excerpt()), activation \(profile.activation), \(profile.sampling)"
          + (profile.note.map { ": \($0.excerpt(1000))" } ?? "")
      ),
    ]
    rows += report.notes.map { ("note", $0) } + report.warnings.map { ("warning", $0) }
    return "<dl>" + rows.map { "<dt>\($0)</dt><dd>\($1.escapedForXML)</dd>" }.joined() + "</dl>"
  }

  private static let style = """
    :root{--ink:#1c1e21;--soft:#5b6168;--paper:#fff;--line:#d9dde2;--wash:#f4f6f8;--pass:#1a7f37;--marginal:#9a6700;\
    --fail:#c0262d;--l0:#c9b8dd;--l1:#eef3f8;--l2:#cfe0f0;--l3:#9fc1e2;--l4:#f5c451;--l5:#ee8a4a;--l6:#d6403a;--l7:#7d0f2b}
    @media(prefers-color-scheme:dark){:root{--ink:#e4e6e9;--soft:#9aa2ab;--paper:#15181c;--line:#363c44;--wash:#1e2328;\
    --pass:#4ac26b;--marginal:#e0b13c;--fail:#ff7b72;--l0:#5d4a78;--l1:#1e2935;--l2:#27405a;--l3:#34648f;--l4:#c9992b;\
    --l5:#e07b3a;--l6:#f0524b;--l7:#ffb3c4}}
    body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:0 auto;\
    padding:1.5rem 1rem 4rem}
    h1{font-size:1.5rem;margin:.2rem 0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2.2rem 0 .5rem}h3{font-size:1rem}
    .lead{font-size:1.05rem}.note{color:var(--soft);font-size:.9rem}
    .badge{font-size:.8em;font-weight:700;padding:.05em .45em;border-radius:.3em;border:1.5px solid currentColor}
    .badge.pass{color:var(--pass)}.badge.marginal{color:var(--marginal)}.badge.fail{color:var(--fail)}
    .wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
    th{color:var(--soft);font-weight:500;font-size:.9rem}
    pre{background:var(--wash);padding:.7rem .9rem;border-radius:.4rem;overflow-x:auto}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--soft)}dd{margin:0;min-width:0}
    summary{cursor:pointer}section,details.tensor{border-top:1px solid var(--line);padding:.6rem 0}
    svg.map{width:100%;height:auto;display:block;margin:.5rem 0}svg.map text{font:11px system-ui,sans-serif;fill:var(--soft)}
    svg.map path,.legend path{fill:none;stroke-width:1}.legend path{stroke-width:14}
    .boundary{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:3 2}.edge{stroke:var(--soft)}
    .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.9rem}.legend svg{width:.9em;height:.9em;vertical-align:-.1em}
    figure{margin:.5rem 0}figure.curves{max-width:40rem}figure.curves .paper{fill:none}
    div.tiles{display:flex;flex-wrap:wrap;gap:.6rem}div.tiles figure{width:9rem;margin:0}figcaption{color:var(--soft);\
    font-size:.8rem;text-align:center}svg.tiles{width:100%;border:1px solid var(--line)}svg.tiles path{stroke-width:1.02}
    \(HeatLevel.allCases.enumerated().map { "path.\($1){stroke:var(--l\($0))}" }.joined())
    """
}

/// One tensor: its map, the error by token, and what is known of the place.
private struct TensorSection {
  let html: String

  init(_ tensor: TensorReport, _ map: ErrorMap, _ report: CrossCheckReport) {
    let heading =
      "\(badge(tensor)) <b>\(tensor.name)</b> \(multipleText(tensor.envelopeMultiple.value)) times the envelope"
    let body = """
      \(tensor.location.map(Self.location) ?? "")
      \((tensor.unjudged ?? []).map { "<p>\($0.rows) of \(tensor.rows) rows not judged: \($0.words.escapedForXML).</p>" }
        .joined())
      <figure>\(HeatMap(map, blockSize: report.blockSize).svg)</figure>
      <figure class="curves">\(Self.curves(map).svg)</figure>
      """
    html =
      tensor.verdict == .pass
      ? "<details class=\"tensor\"><summary>\(heading)</summary>\(body)</details>"
      : "<section><h3>\(heading)</h3>\(body)</section>"
  }

  private static func location(_ location: ErrorLocation) -> String {
    let worst = location.worstRows.map {
      [
        "\($0.at)", multipleText($0.multiple.value), format($0.error.value, "%.3g"),
        format($0.reference.value, "%.3g"),
      ]
    }
    let lanes = location.worstLanes.map { "\($0.lane) (\(format(100 * $0.share.value, "%.0f"))\u{A0}%)" }
    return
      "<p><b>\(location.pattern.joined(separator: "; ").escapedForXML)</b><br/>\(location.rowsOver) of \(location.rows) "
      + "rows are over twice the envelope."
      + (lanes.isEmpty ? "" : " Worst lanes, by their share of the squared error: \(lanes.joined(separator: ", ")).")
      + "</p>"
      + (worst.isEmpty ? "" : table(["worst rows", "multiple", "‖error‖", "‖reference‖"], worst))
  }

  /// The worst and the middle row of every token.
  private static func curves(_ map: ErrorMap) -> Chart {
    var (worst, middle) = ([(x: Double, y: Double)](), [(x: Double, y: Double)]())
    for token in 0..<map.length {
      let multiples = map.multiples(token: token).sorted()
      guard let largest = multiples.last else { continue }
      worst.append((Double(token), largest))
      middle.append((Double(token), multiples[multiples.count / 2]))
    }
    let end = Double(max(1, map.length - 1))
    func level(_ multiple: Double) -> [(x: Double, y: Double)] { [(0, multiple), (end, multiple)] }
    return Chart(
      "\(map.name): error by token", x: Chart.Axis("token"),
      y: Chart.Axis("multiple of envelope", isLogarithmic: true),
      curves: [
        Chart.Curve("worst row of the token", worst), Chart.Curve("middle row of the token", middle),
        Chart.Curve("pass", level(Verdict.passMultiple), isDashed: true),
        Chart.Curve("marginal", level(Verdict.marginalMultiple), isDashed: true),
      ])
  }
}

private func badge(_ tensor: TensorReport) -> String {
  badge(tensor.verdict, tensor.isUnjudged ? "NOT JUDGED" : tensor.verdict.rawValue.uppercased())
}

private func badge(_ verdict: Verdict, _ words: String) -> String {
  "<span class=\"badge \(verdict)\">\(words)</span>"
}

/// A table of cells that are HTML already.
private func table(_ header: [String], _ rows: [[String]]) -> String {
  func row(_ tag: String, _ cells: [String]) -> String {
    "<tr>" + cells.map { "<\(tag)>\($0)</\(tag)>" }.joined() + "</tr>"
  }
  return "<div class=\"wide\"><table><thead>\(row("th", header))</thead><tbody>"
    + rows.map { row("td", $0) }.joined(separator: "\n") + "</tbody></table></div>"
}

private func format(_ value: Double, _ pattern: String) -> String {
  value.isNaN ? "NaN" : value.isInfinite ? "∞" : String(format: pattern, value)
}
