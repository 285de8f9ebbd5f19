/// The figures of Docs, drawn by code.
enum Figures {
  /// Each figure by the name of its file.
  static let all: [String: @Sendable () throws -> String] = {
    var all: [String: @Sendable () throws -> String] = [
      "interval": interval, "block-walk": blockWalk, "folding": folding, "error-forms": ErrorGrowth.single,
      "error-formats": ErrorGrowth.formats, "cache-drift": Drift.figure,
      "performance-time": { try Timings().overLength.timeChart.svg },
      "performance-rate": { try Timings().overLength.rateChart.svg },
    ]
    #if arch(x86_64)
      all["error-double"] = ErrorGrowth.double
    #endif
    return all
  }()

  /// Which reflections stand between a query and a key.
  @Sendable static func interval() -> String {
    var drawing = Drawing(width: 720, height: 290)
    let tokens = 6
    let (left, step) = (150.0, 58.0)
    for t in 0..<tokens { drawing.text("token \(t)", left + step * (Double(t) + 0.5), 34, .quiet, size: 13) }
    for (row, (i, j)) in [(4, 1), (5, 0), (3, 2), (4, 4)].enumerated() {
      let y = 52 + 56 * Double(row)
      drawing.text("query \(i), key \(j)", 20, y + 25, startsHere: true)
      for t in 0..<tokens {
        let acts = j < t && t <= i
        drawing.box(left + step * Double(t) + 4, y, step - 8, 40, acts ? .first : .quiet)
        drawing.text(
          "H" + subscripted(t), left + step * (Double(t) + 0.5), y + 17, acts ? .ink : .quiet, size: acts ? 16 : 13)
        let label = t == i && t == j ? "q, k" : t == i ? "q" : t == j ? "k" : ""
        drawing.text(label, left + step * (Double(t) + 0.5), y + 35, .second)
      }
      let product = (j..<i).reversed().map { "H" + subscripted($0 + 1) }.joined(separator: " ")
      drawing.text(
        "q\(subscripted(i)) \(product) k\(subscripted(j))ᵀ".replacing("  ", with: " "),
        left + step * Double(tokens) + 16, y + 25, startsHere: true)
    }
    return drawing.svg("The reflections between query i and key j are those of the tokens in (j, i].")
  }

  /// The way of one block of queries over the blocks of keys.
  @Sendable static func blockWalk() -> String {
    var drawing = Drawing(width: 720, height: 400)
    let (blocks, own, size) = (5, 3, 70.0)
    let (left, top) = (90.0, 40.0)
    for c in 0..<blocks { drawing.text("keys \(c)", left + size * (Double(c) + 0.5), top - 12, .quiet, size: 13) }
    for b in 0..<blocks {
      let y = top + size * Double(b)
      drawing.text("queries \(b)", 45, y + size / 2 + 5, b == own ? .ink : .quiet, size: 13)
      for c in 0...b {
        let x = left + size * Double(c)
        drawing.box(x + 3, y + 3, size - 6, size - 6, b != own ? .quiet : c == own ? .second : .first)
        if b == own {
          drawing.text("A" + subscripted(b) + subscripted(c), x + size / 2, y + 28)
          drawing.text("step \(own - c + 1)", x + size / 2, y + 50, size: 12)
        }
      }
    }
    let y = top + size * Double(own) + size / 2 + 24
    for c in 0..<own {
      let x = left + size * Double(c)
      drawing.arrow(from: (x + size + 16, y), to: (x + size - 14, y))
    }
    let x = left + size * Double(blocks) + 20
    for (line, (text, role)) in [
      ("step 1, the diagonal tile:", .second), ("A₃₃ = tril(QKᵀ) − tril(QWᵀ) T stril(WKᵀ)", .ink),
      ("X ← Q̃₃, at the start of block 3", .ink),
      ("", .ink), ("steps 2, 3, 4, right to left:", .first), ("A₃_c = X K̂_cᵀ, to the softmax", .ink),
      ("X ← X R_c, at the start of block c", .ink),
    ].enumerated() as EnumeratedSequence<[(String, Drawing.Role)]> {
      drawing.text(text, x - 150, top + 20 + 22 * Double(line), role, size: 14, startsHere: true)
    }
    return drawing.svg("A block of queries meets its own keys, and then those of earlier blocks from right to left.")
  }

  /// How runs of blocks are made from shorter ones, and which of them a block of queries meets.
  @Sendable static func folding() -> String {
    var drawing = Drawing(width: 720, height: 300)
    let (count, size, left) = (8, 78.0, 60.0)
    let query = 7
    func center(_ level: Int, _ position: Int) -> (x: Double, y: Double) {
      let width = size * Double(1 << level)
      return (left + width * (Double(position) + 0.5), 190 - 64 * Double(level))
    }
    for level in 0...2 {
      drawing.text("level \(level)", 28, center(level, 0).y + 5, .quiet, size: 13)
      for position in 0..<count >> level {
        let (x, y) = center(level, position)
        let width = size * Double(1 << level)
        // A query of block b meets the left sibling of every run that it stands in and that is a right one.
        let isMet = query >> level & 1 == 1 && position == query >> level - 1
        let isOwn = level == 0 && position == query
        drawing.box(x - width / 2 + 4, y - 16, width - 8, 32, isMet ? .first : isOwn ? .second : .quiet)
        let first = position << level
        drawing.text(
          level == 0 ? "block \(first)" : "blocks \(first)–\((position + 1) << level - 1)", x, y + 5,
          isMet || isOwn ? .ink : .quiet, size: 13)
        if level > 0 {
          for child in [2 * position, 2 * position + 1] {
            let from = center(level - 1, child)
            drawing.arrow(from: (from.x, from.y - 16), to: (x + (from.x - x) / 2, y + 17), .quiet)
          }
        }
      }
    }
    drawing.text("a run: R = R_r R_l,  K̂ = [K̂_l R_rᵀ; K̂_r]", 360, 24, size: 14)
    drawing.text("queries of block 7 = 111₂ meet blocks 6, then 4–5, then 0–3:", 360, 252, size: 14)
    drawing.text("one run for each one among the binary digits", 360, 274, size: 14)
    return drawing.svg("Neighbouring runs of blocks are folded in pairs; queries meet one run for each binary one.")
  }
}
