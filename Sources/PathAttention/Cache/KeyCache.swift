import Foundation
import LinearAlgebra

/// The cache of PaTH attention at inference: for every sequence the keys carried to its last token, the values, and the
/// cumulative sums of the gate.
///
/// On every new token t each cached key is rewritten in place, k_j ← k_j H_t for j < t; the new key enters as it is. What is
/// left is plain softmax attention with q_t. No w is kept.
///
/// ```swift
/// var (outputs, cache) = try prefill(prompt)              // all tokens of all sequences
/// let next = try cache.attend(to: token)                  // one more of each, or several, or none
/// ```
///
/// Sequences are those of the inputs: segment s of the inputs goes to sequence s, however long each is, so batches,
/// packed batches of different lengths and chunks are one case. A cache is a value: a copy can go another way.
public struct KeyCache<S: Scalar>: Sendable {
  /// The sizes of the heads.
  public let layout: HeadLayout
  /// Scale and gate convention of the logits.
  public package(set) var function: AttentionFunction<S>
  /// What storing a number makes of it: rounding to the format of the cache. Nil if it is kept as it is.
  public let roundStored: (@Sendable (S) -> S)?
  /// For each sequence, one after the other, its heads.
  private var heads: [HeadCache<S>]
  /// For each sequence one for each query head; none if there is no gate.
  private var gates: [[GateSums<S>]]
  /// How many tokens each sequence has.
  public private(set) var lengths: [Int]

  /// A cache of sequences that have no tokens yet.
  ///
  /// - Parameters:
  ///   - sequences: How many.
  ///   - layout: The sizes of the heads.
  ///   - function: Scale and gate convention of the logits.
  ///   - roundStored: Applied to every key whenever it has been rewritten, and to every value once. Sums of the gate are not
  ///     rounded.
  /// - Throws: `AttentionError` when a size makes no sense.
  public init(
    sequences: Int, layout: HeadLayout, _ function: AttentionFunction<S>,
    roundStored: (@Sendable (S) -> S)? = nil
  ) throws(AttentionError) {
    guard sequences >= 0 else { throw .size(name: "batch", found: sequences) }
    try layout.validate()
    self.layout = layout
    self.function = function
    self.roundStored = roundStored
    heads = (0..<sequences * layout.heads).map { _ in HeadCache(keyDim: layout.keyDim, valueDim: layout.valueDim) }
    gates = (0..<sequences).map { _ in (0..<(layout.gated ? layout.queryHeads : 0)).map { _ in GateSums() } }
    lengths = (0..<sequences).map { _ in 0 }
  }

  /// The keys of one head of one sequence, tokens × d_k: row j is k_j H_{j+1} … H_last.
  public func keys(sequence: Int, head: Int) -> MatrixView<S> {
    heads[sequence * layout.heads + head].keys.view
  }

  /// The values of one head of one sequence, tokens × d_v.
  public func values(sequence: Int, head: Int) -> MatrixView<S> {
    heads[sequence * layout.heads + head].values.view
  }

  /// Takes tokens in without asking for logits.
  ///
  /// - Parameters:
  ///   - inputs: The tokens; segment s goes to sequence s. Queries play no part.
  ///   - form: How keys are carried over the new tokens: one reflection at a time (sequential product), over all of them at
  ///     once (compact WY) or block by block.
  /// - Throws: `AttentionError` when the inputs do not fit the cache or the form makes no sense.
  /// - Complexity: O((n + m) m d) for m tokens after n, per sequence and head.
  @specialized(where S == Double)
  @specialized(where S == Float)
  @specialized(where S == PrimeField)
  public mutating func append(
    _ inputs: AttentionInputs<S>, form: AttentionForm = .blockwise()
  ) throws(AttentionError) {
    try extend(inputs, form: form, NoLogits())
  }

  /// Takes tokens in; the logits S_ij of their queries with every key of their sequence, old and new, over any scalar.
  ///
  /// - Returns: For each sequence and query head the rows of the new tokens, m × (n + m) for m tokens after n; entries right
  ///   of the diagonal are zero.
  /// - Throws: `AttentionError` when the inputs do not fit the cache or the form makes no sense.
  /// - Complexity: O((n + m) m d) per sequence and query head.
  @specialized(where S == Double)
  @specialized(where S == PrimeField)
  public mutating func appendForLogits(
    _ inputs: AttentionInputs<S>, form: AttentionForm = .blockwise()
  ) throws(AttentionError) -> [[Matrix<S>]] {
    let tables = zip(lengths, inputs.segments).map { length, segment in
      (0..<layout.queryHeads).map { _ in Matrix<S>(rows: segment.count, columns: length + segment.count) }
    }
    try extend(inputs, form: form, CachedLogits(tables: tables, starts: inputs.segments.map(\.lowerBound)))
    return tables
  }

  /// Takes tokens in and visits the logits of their queries, tile by tile, head beside head on all threads.
  mutating func extend(
    _ inputs: AttentionInputs<S>, form: AttentionForm, _ visitors: some CacheVisitors<S>, threads: Int? = nil
  ) throws(AttentionError) {
    try AttentionExecution(form: form, threads: threads).validate()
    guard inputs.headLayout == layout else { throw .cache(expected: "\(layout)", found: "\(inputs.headLayout)") }
    guard inputs.segments.count == lengths.count else {
      throw .cache(expected: "\(lengths.count) sequences", found: "\(inputs.segments.count)")
    }
    for (index, segment) in inputs.segments.enumerated() {
      for queryHead in gates[index].indices {
        gates[index][queryHead].append(inputs.g!.window(segment, head: queryHead), rounding: NoRounding())
      }
      lengths[index] += segment.count
    }
    let maps = gates.map { [function] in $0.map { GateMap($0, function) } }
    let count = layout.heads
    changeTasks(&heads, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount) {
      [function, roundStored] index, head in
      head.take(
        inputs, segment: index / count, head: index % count, form: form, gates: maps[index / count], visitors: visitors,
        scale: function.scale, roundStored: roundStored)
    }
  }
}
