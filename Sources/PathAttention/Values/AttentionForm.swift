/// One of the three forms of PaTH attention. They compute the same logits.
public enum AttentionForm: Sendable, Hashable, CustomStringConvertible {
  /// The definition: one reflection at a time. O(L² d) time, O(L d) memory.
  case sequentialProduct
  /// All reflections of a segment at once by the UT transform. O(L² (L + d)) time, O(L²) memory.
  case compactWY
  /// Tile by tile, carrying the queries over the blocks of keys. Neighbouring blocks are folded in pairs, and these again,
  /// `levels` times, so that the carry costs little; with no levels it is the form of the paper. O(L² d) time, O(L d)
  /// memory, and half of that again for each level.
  case blockwise(blockSize: Int = 64, levels: Int = 6)

  /// The name, with the block size where there is one.
  public var description: String {
    switch self {
    case .sequentialProduct: "sequential product"
    case .compactWY: "compact WY"
    case .blockwise(let blockSize, 0): "blockwise (blocks of \(blockSize))"
    case .blockwise(let blockSize, let levels): "blockwise (blocks of \(blockSize), \(levels) levels)"
    }
  }

  func validate() throws(AttentionError) {
    guard case .blockwise(let blockSize, let levels) = self else { return }
    guard blockSize >= 1 else { throw .option(name: "blockSize", expected: "at least 1", found: "\(blockSize)") }
    guard levels >= 0 else { throw .option(name: "levels", expected: "at least 0", found: "\(levels)") }
  }
}
