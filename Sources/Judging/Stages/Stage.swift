import PathAttention
import Problems

/// An intermediate result on the way to the outputs that a candidate may hand over, by the name it has in files.
///
/// Blocks of n tokens are counted from the start of each segment; what belongs to a block stands in the rows of its tokens,
/// so that packed sequences and partial blocks need no padding. In the notation of `BlockIntermediates`:
public enum Stage: String, CaseIterable, Sendable, Codable {
  /// M⁻¹, [B, T, H, n]: row t is that of token t in its block, unit lower triangular.
  case inverse = "m_inverse"
  /// T = M⁻¹ diag(β), [B, T, H, n].
  case T = "transform"
  /// U = T W, [B, T, H, K].
  case U = "transformed_w"
  /// K̂, keys carried to the end of their block, [B, T, H, K].
  case K̂ = "adjusted_k"
  /// Q̃, queries carried to the start of their block and not scaled, [B, T, HQ, K].
  case Q̃ = "adjusted_q"
  /// S, what the softmax is taken of, [B, T, HQ, T], for keys of the same sequence.
  case logits

  /// The letter; nil for the logits, which are made of all of them.
  public var letter: BlockLetter? {
    switch self {
    case .inverse: .inverse
    case .T: .T
    case .U: .U
    case .K̂: .K̂
    case .Q̃: .Q̃
    case .logits: nil
    }
  }

  /// What it is, as a formula.
  public var formula: String { letter?.formula ?? "S = scale · A + gate" }

  /// Whether the last axis has one entry for every token of a block.
  package var isBlockSquare: Bool { self == .inverse || self == .T }

  /// How its rows lie.
  package func layout(_ inputs: AttentionInputs<Double>, blockSize: Int) -> RowLayout {
    let shape = inputs.shape
    return switch self {
    case .inverse, .T: RowLayout(inputs, heads: shape.heads, lanes: blockSize)
    case .U, .K̂: RowLayout(inputs, heads: shape.heads, lanes: shape.keyDim)
    case .Q̃:
      RowLayout(inputs, heads: shape.queryHeads, groupSize: shape.groupSize, lanes: shape.keyDim)
    case .logits: RowLayout(inputs, heads: shape.queryHeads, groupSize: shape.groupSize, lanes: shape.length)
    }
  }

  /// The lanes of a row that mean something: of triangular matrices those up to the diagonal, of logits those of keys that
  /// the query sees. What kernels leave in the others is not looked at.
  ///
  /// - Parameters:
  ///   - token: Within the segment.
  ///   - start: Where the segment starts in its sequence.
  ///   - lanes: How many there are.
  package func meaningfulLanes(token: Int, start: Int, blockSize: Int, lanes: Int) -> Range<Int> {
    switch self {
    case .inverse, .T: 0..<token % blockSize + 1
    case .logits: start..<start + token + 1
    case .U, .K̂, .Q̃: 0..<lanes
    }
  }
}
