import Foundation

/// Maps of the error of logits over the envelope, one for every query head: query tiles from top to bottom, key tiles from
/// left to right.
struct TileMap {
  let html: String

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

  /// One path of horizontal runs for every level.
  private static func paths(_ multiples: [Double?], _ side: Int) -> String {
    HeatLevel.allCases.map { level in
      var path = ""
      for row in 0..<side {
        var column = 0
        while column < side {
          let start = column
          while column < side, multiples[row * side + column].map({ HeatLevel($0) == level }) ?? false { column += 1 }
          if column > start { path += "M\(start) \(row)h\(column - start)" }
          if column < side, column == start { column += 1 }
        }
      }
      return path.isEmpty ? "" : "<path class=\"\(level)\" d=\"\(path)\"/>"
    }.joined()
  }
}
