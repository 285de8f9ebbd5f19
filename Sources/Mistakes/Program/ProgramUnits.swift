import LinearAlgebra
import PathAttention

/// One query head over one run of tokens, as the program computes it.
struct ProgramUnit: Sendable {
  /// The tokens that take part.
  package let tokens: Range<Int>
  /// The rows that are results: all of `tokens`, or those of the segment at the end of it.
  package let kept: Range<Int>
  /// The first token that queries may see.
  let firstVisible: Int
  /// Where the cumulative sum of the gate starts.
  let gateStart: Int
  package let queryHead: Int
  /// The heads that k and v, w, and β are read from.
  package let heads: (keys: Int, w: Int, β: Int)
}

extension ProgramChoices {
  /// The units that make up a problem, segment after segment. Empty segments have none.
  package func units<S>(of inputs: AttentionInputs<S>, blockSize: Int) -> [ProgramUnit] {
    let shape = inputs.shape
    let ranges =
      segments == .ignored
      ? (0..<shape.batch).map { $0 * shape.length..<($0 + 1) * shape.length } : inputs.segments
    return ranges.filter { !$0.isEmpty }.flatMap { segment -> [ProgramUnit] in
      // Segments are packed within a sequence of the batch.
      let origin = segment.lowerBound / shape.length * shape.length
      let blockStart = segment.lowerBound - (segment.lowerBound - origin) % blockSize
      let sharesBlock = segments == .sharedBlocks || segments == .maskedBlocks
      let start = sharesBlock ? blockStart : segment.lowerBound
      return (0..<shape.queryHeads).map { queryHead in
        func head(_ byModulo: Bool) -> Int { byModulo ? queryHead % shape.heads : queryHead / shape.groupSize }
        return ProgramUnit(
          tokens: start..<segment.upperBound, kept: segment,
          firstVisible: segments == .sharedBlocks ? start : segment.lowerBound,
          gateStart: gateRestarts && backward.gateSumRestarts ? start : origin, queryHead: queryHead,
          heads: (head(keysByModulo), head(wByModulo), head(βByModulo)))
      }
    }
  }

  /// The keys that each row of a unit sees, counted from its first token.
  func visibleKeys(_ unit: ProgramUnit, blockSize: Int) -> [Range<Int>] {
    let length = unit.tokens.count
    let first = unit.firstVisible - unit.tokens.lowerBound
    return (0..<length).map { row in
      let start = min(first, row)
      switch mask {
      case .causal, .zeroInSum: return start..<row + 1
      case .zeroInBlock: return start..<min(length, row - row % blockSize + blockSize)
      case .strict: return start..<row
      case .none: return start..<length
      case .ownBlock: return max(start, row - row % blockSize)..<row + 1
      case .lastRowsStrict(let count): return start..<(row >= max(length - count, start + 1) ? row : row + 1)
      }
    }
  }

  /// How many keys of its own block each row of a unit counts in its sum though they come later.
  func hiddenZeros(_ unit: ProgramUnit, _ blockSize: Int) -> [Int] {
    let length = unit.tokens.count
    guard mask == .zeroInSum else { return [Int](repeating: 0, count: length) }
    return (0..<length).map { row in min(length, row - row % blockSize + blockSize) - row - 1 }
  }

  /// The rows of a unit that stay zero, as tokens.
  package func unwritten(_ unit: ProgramUnit, blockSize: Int) -> Range<Int> {
    let end = unit.kept.upperBound
    switch unwrittenRows {
    case .none: return end..<end
    case .last: return end - 1..<end
    case .raggedBlock: return end - unit.kept.count % blockSize..<end
    }
  }
}

/// Gradients of the inputs, in the shapes of the inputs, to be added to.
struct InputGradients<S: Scalar> {
  private let matrices: [AttentionTensor: Matrix<S>]

  init(_ inputs: AttentionInputs<S>) {
    matrices = Dictionary(
      uniqueKeysWithValues: inputs.tensors.map { tensor, entries in
        (tensor, Matrix(rows: entries.matrix.rows, columns: entries.matrix.columns))
      })
  }

  subscript(_ tensor: AttentionTensor) -> Matrix<S>? { matrices[tensor] }
}

/// The inputs of one unit on a tape: their cotangents are the windows of the gradients.
struct UnitInputs<S: Scalar> {
  package let Q: Variable<S>
  package let K: Variable<S>
  package let V: Variable<S>
  package let W: Variable<S>
  package let β: Variable<S>
  /// From where the cumulative sum starts.
  package let g: Variable<S>?

  init(
    _ inputs: AttentionInputs<S>, _ unit: ProgramUnit, gradients: InputGradients<S>, _ backward: BackwardChoices
  ) {
    func window(
      _ tensor: AttentionTensor, _ entries: TokenTensor<S>, _ tokens: Range<Int>, _ head: Int, summedIn sum: Int? = nil
    ) -> Variable<S> {
      func columns(_ head: Int) -> Range<Int> { head * entries.lanes..<(head + 1) * entries.lanes }
      return Variable(
        value: entries.matrix.mutableView.rows(tokens).columns(columns(head)),
        cotangent: gradients[tensor]!.mutableView.rows(tokens).columns(columns(sum ?? head)))
    }
    /// The head that a gradient is added to where that is not the one that is read.
    func sum(_ gradient: BackwardChoices.KeySideGradients) -> Int? {
      backward.summedByModulo.contains(gradient) ? unit.queryHead % inputs.shape.heads : nil
    }
    Q = window(.q, inputs.q, unit.tokens, unit.queryHead)
    K = window(.k, inputs.k, unit.tokens, unit.heads.keys, summedIn: sum(.dk))
    V = window(.v, inputs.v, unit.tokens, unit.heads.keys, summedIn: sum(.dv))
    W = window(.w, inputs.w, unit.tokens, unit.heads.w, summedIn: sum(.dw))
    β = window(.beta, inputs.beta, unit.tokens, unit.heads.β, summedIn: sum(.dbeta))
    g = inputs.g.map { window(.g, $0, unit.gateStart..<unit.tokens.upperBound, unit.queryHead) }
  }
}
