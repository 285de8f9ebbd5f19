import LinearAlgebra

/// The key side of a segment, folded: what queries after a run of 2ʰ blocks need to know of it, for every such run and every
/// level h.
///
/// Two neighbouring runs l and r are folded into one by
///
///     R = R_r R_l,    K̂ = [K̂_l R_rᵀ; K̂_r]
///
/// so a query that has been carried to the end of a run meets all its keys, and passes all its reflections, at once. Level h
/// has a run for every 2ʰ blocks before the last one, which no query comes after. Only left runs are met by queries; the keys
/// of a right one are the lower half of its fold. O(L d) memory, half of it again for each level.
struct FoldedKeys<S: Scalar, Rounding: RoundingModel<S>>: Sendable {
  /// Level h holds the runs of 2ʰ blocks, in order.
  let levels: [[Run]]
  private let rounding: Rounding

  struct Run: Sendable {
    /// The tokens, within the segment.
    let range: Range<Int>
    /// Keys carried to the end of the run, row t: H_last … H_{t+1} k_tᵀ
    let K̂: MatrixView<S>
    /// H_last … H_first
    let R: Matrix<S>
  }

  /// Names a run.
  struct Index: Hashable {
    let level: Int
    let position: Int
  }

  subscript(index: Index) -> Run { levels[index.level][index.position] }

  init(_ blocks: [Block<S, Rounding>], levels count: Int, threads: Int, rounding: Rounding) {
    self.rounding = rounding
    let met = blocks.dropLast()
    var levels = [mapTasks(met.count, threads: threads) { met[$0].run() }]
    for level in 0..<count {
      guard levels[level].count > 1 else { break }
      let runs = levels[level]
      let folds = mapTasks(runs.count / 2, threads: threads) { Self.fold(runs[2 * $0], runs[2 * $0 + 1], rounding) }
      for (i, fold) in folds.enumerated() {
        let right = runs[2 * i + 1]
        let keys = fold.K̂.rows(fold.range.count - right.range.count..<fold.range.count)
        levels[level][2 * i + 1] = Run(range: right.range, K̂: keys, R: right.R)
      }
      levels.append(folds)
    }
    self.levels = levels
  }

  private static func fold(_ left: Run, _ right: Run, _ rounding: Rounding) -> Run {
    let R = Matrix<S>(rows: left.R.rows, columns: left.R.columns)
    rounding.multiply(right.R, .R, left.R, .R, into: R)
    let range = left.range.lowerBound..<right.range.upperBound
    let K̂ = Matrix<S>(rows: range.count, columns: R.columns)
    let (leftRows, rightRows) = (0..<left.range.count, left.range.count..<range.count)
    rounding.multiply(
      left.K̂, .K̂, right.R.transposed, .R, into: K̂.mutableView.rows(leftRows))
    assign(right.K̂, to: K̂.mutableView.rows(rightRows))
    return Run(range: range, K̂: K̂.view, R: R)
  }

  // MARK: Backward

  /// What queries had to say of a run.
  struct Cotangent: Sendable {
    let dK̂: Matrix<S>
    let dR: Matrix<S>

    init(_ run: Run) {
      dK̂ = Matrix(rows: run.range.count, columns: run.R.columns)
      dR = Matrix(rows: run.R.rows, columns: run.R.columns)
    }

    func add(_ other: Cotangent) {
      LinearAlgebra.add(other.dK̂, to: dK̂)
      LinearAlgebra.add(other.dR, to: dR)
    }
  }

  /// Hands the cotangents of the runs down to the blocks.
  ///
  /// - Parameter collected: What queries had to say, to be added in this order. Runs that none of them has met are absent.
  /// - Returns: The cotangents of K̂ and R of each block but the last.
  func unfold(_ collected: [[Index: Cotangent]], threads: Int) -> [Cotangent] {
    var above: [Cotangent] = []
    for (level, runs) in levels.enumerated().reversed() {
      let parents = above
      above = mapTasks(runs.count, threads: threads) { position in
        let total = Cotangent(runs[position])
        for share in collected {
          if let cotangent = share[Index(level: level, position: position)] { total.add(cotangent) }
        }
        if position / 2 < parents.count {
          let siblings = (left: runs[position & ~1], right: runs[position | 1])
          unfold(parents[position / 2], siblings, isLeft: position % 2 == 0, into: total)
        }
        return total
      }
    }
    return above
  }

  /// Adds what the fold of two runs has to say of one of them.
  private func unfold(
    _ parent: Cotangent, _ siblings: (left: Run, right: Run), isLeft: Bool, into cotangent: Cotangent
  ) {
    let (left, right) = siblings
    let dK̂ = parent.dK̂.view
    let leftRows = 0..<left.range.count
    if isLeft {
      rounding.addProduct(
        dK̂.rows(leftRows), .blockCotangents, right.R, .R, to: cotangent.dK̂)
      rounding.addProduct(right.R.transposed, .R, parent.dR, .blockCotangents, to: cotangent.dR)
    } else {
      add(dK̂.rows(left.range.count..<dK̂.rows), to: cotangent.dK̂)
      rounding.addProduct(
        dK̂.rows(leftRows).transposed, .blockCotangents, left.K̂, .K̂, to: cotangent.dR)
      rounding.addProduct(parent.dR, .blockCotangents, left.R.transposed, .R, to: cotangent.dR)
    }
  }
}
