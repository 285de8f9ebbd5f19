import Judging
import PathAttention
import Problems

/// How far every row (token × head) of one tensor of a candidate is from the reference, in multiples of the envelope.
///
/// It is kept apart from `CrossCheckReport`, which is short.
public struct ErrorMap: Sendable {
  /// The tensor.
  public let name: String
  /// Sequences.
  public let batch: Int
  /// Tokens per sequence.
  public let length: Int
  /// Heads of the tensor.
  public let heads: Int
  /// First tokens of the segments, over the whole batch, but for those of sequences.
  public let boundaries: [Int]
  /// The multiples, [batch, length, heads]; nil where a row is not judged.
  public let multiples: [Double?]

  package init(
    name: String, batch: Int, length: Int, heads: Int, boundaries: [Int], multiples: [Double?]
  ) {
    self.name = name
    self.batch = batch
    self.length = length
    self.heads = heads
    self.boundaries = boundaries
    self.multiples = multiples
  }

  /// The multiples of one token of every sequence and head that is judged.
  package func multiples(token: Int) -> [Double] {
    (0..<batch).flatMap { sequence in
      let start = (sequence * length + token) * heads
      return multiples[start..<start + heads].compactMap { $0 }
    }
  }
}

extension ErrorMap {
  /// - Parameter queryTokens: The tokens whose rows are judged; all when nil.
  init(
    _ name: String, _ layout: RowLayout, envelope: TensorEnvelope, multiples: [Double], queryTokens: [Int]?
  ) {
    let (length, heads) = (layout.length, layout.heads)
    let judged = queryTokens.map(Set.init)
    self.init(
      name: name, batch: length == 0 ? 0 : multiples.count / (length * heads), length: length, heads: heads,
      boundaries: layout.segments.map(\.lowerBound).filter { length > 0 && $0 % length != 0 },
      multiples: multiples.enumerated().map { row, multiple in
        // What is wrong is shown, judged or not.
        let isJudged = envelope.unjudged[row] == nil || multiple > Verdict.passMultiple
        return isJudged && judged?.contains(row / heads) ?? true ? multiple : nil
      })
  }
}
