import LinearAlgebra
import PathAttention

/// How a tensor is cut into rows: one for every token and head, token after token and head after head.
public struct RowLayout: Sendable, Hashable {
  /// Tokens per sequence.
  public let length: Int
  /// The sequences that are independent of each other, as ranges of tokens over the whole batch; none is empty.
  public let segments: [Range<Int>]
  /// Whether several sequences are packed into one.
  public let isPacked: Bool
  /// What the first token of every sequence is counted as: not 0 in a tensor of later tokens.
  public let firstToken: Int
  /// Heads of the tensor; one where it has no such axis.
  public let heads: Int
  /// Whether it has.
  public let hasHeads: Bool
  /// How many query heads belong to each key/value head; nil if the heads are not those of queries.
  public let groupSize: Int?
  /// Numbers in a row, where the tensor has that axis.
  public let lanes: Int?

  package init(
    length: Int, segments: [Range<Int>], isPacked: Bool, firstToken: Int = 0, heads: Int?, groupSize: Int? = nil,
    lanes: Int?
  ) {
    self.length = length
    self.segments = segments.filter { !$0.isEmpty }
    self.isPacked = isPacked
    self.firstToken = firstToken
    self.heads = heads ?? 1
    hasHeads = heads != nil
    self.groupSize = groupSize
    self.lanes = lanes
  }

  /// The layout of a tensor of a problem with other heads or lanes than inputs have.
  package init(_ inputs: AttentionInputs<Double>, heads: Int, groupSize: Int? = nil, lanes: Int?) {
    self.init(
      length: inputs.shape.length, segments: inputs.segments, isPacked: inputs.shape.batch == 1, heads: heads,
      groupSize: groupSize, lanes: lanes)
  }

  /// The layout of an input, an output or a gradient.
  public init(_ tensor: AttentionTensor, _ inputs: AttentionInputs<Double>) {
    let (heads, lanes) = inputs.shape.layout(of: tensor)
    self.init(inputs, heads: heads, groupSize: tensor.isPerQueryHead ? inputs.shape.groupSize : nil, lanes: lanes)
  }
}
