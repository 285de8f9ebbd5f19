import Judging

/// Maps of the error of logits over the envelope, one for every query head: query tiles from top to bottom, key tiles from
/// left to right.
struct TileMap {
  package let html: String

  init(_ tiles: LogitTiles) {
    let side = tiles.tilesPerSide
    let figures = (0..<tiles.batch * tiles.heads).map { place -> String in
      let multiples = Array(tiles.multiples[place * side * side..<(place + 1) * side * side])
      let (sequence, head) = place.quotientAndRemainder(dividingBy: tiles.heads)
      let name = (tiles.batch > 1 ? "b\(sequence) " : "") + "h\(head)"
      return """
        <figure><svg class="tiles" viewBox="0 0 \(side) \(side)" role="img" \
        aria-label="error over envelope of the logits of \(name), query tile by key tile">\
        <g transform="translate(0 .5)">\(Self.paths(multiples, side))</g></svg><figcaption>\(name)</figcaption></figure>
        """
    }
    html = "<div class=\"tiles\">\(figures.joined(separator: "\n"))</div>"
  }

  /// One path of horizontal runs for every level. Tiles in which no query sees a key are left open.
  private static func paths(_ multiples: [Double?], _ side: Int) -> String {
    HeatLevel.allCases.filter { $0 != .unjudged }.map { level in
      let path = (0..<side).flatMap { row in
        level.runs(side) { multiples[row * side + $0] }.map { "M\($0.lowerBound) \(row)h\($0.count)" }
      }.joined()
      return path.isEmpty ? "" : "<path class=\"\(level)\" d=\"\(path)\"/>"
    }.joined()
  }
}
