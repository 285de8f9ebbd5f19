import Judging
import LinearAlgebra
import NumberFormats
import PathAttention

/// How far a cache that is stored in a format has drifted from an exact one after a number of decoding steps.
public struct CacheDrift: Sendable, Codable {
  /// How many tokens have been decoded.
  public var steps: Int
  /// ‖stored − exact‖₂ / ‖exact‖₂ of the keys of the first token, which have been rewritten and rounded at every step.
  public var oldestKeys: Double
  /// The same of all keys.
  public var allKeys: Double
  /// The same of the outputs at this step.
  public var outputs: Double
}

/// Decodes one sequence token by token on two caches, one exact and one whose keys and values are rounded to a format
/// whenever they are written, and compares them.
///
/// Every step rewrites every key, k ← k H, and rounding it again adds an error of the order of the unit roundoff u that
/// later reflections do not take away: relative to the key it grows like c u √n as long as the reflections keep its length
/// (β near 0 or 2), with c about 0.4 in formats of two binades or more.
///
/// - Parameters:
///   - inputs: One sequence. It is rounded to the format first, so that what is measured is the drift and nothing else.
///   - format: How keys and values are stored. Sums of the gate are not.
///   - function: Scale and gate convention; the usual ones when nil.
///   - steps: After how many tokens to compare, each from 1 to the length.
/// - Throws: `AttentionError` when there is not one sequence, an input is not finite or an option makes no sense.
/// - Complexity: O(length² · d) per query head.
public func cacheDrift(
  of inputs: AttentionInputs<Double>, format: NumberFormat, _ function: AttentionFunction<Double>? = nil,
  at steps: [Int]
) throws(AttentionError) -> [CacheDrift] {
  guard inputs.segments.count == 1 else { throw .cache(expected: "1 sequence", found: "\(inputs.segments.count)") }
  let inputs = try inputs.replacing(
    k: inputs.k.entries.map(format.round), v: inputs.v.entries.map(format.round))
  let function = function ?? inputs.function()
  let layout = inputs.headLayout
  var exact = try KeyCache<Double>(sequences: 1, layout: layout, function)
  var stored = try KeyCache<Double>(sequences: 1, layout: layout, function, roundStored: { format.round($0) })
  var drifts: [CacheDrift] = []
  for t in 0..<inputs.shape.length {
    let token = inputs.packed([t..<t + 1])
    let reference = try exact.attend(to: token)
    let outputs = try stored.attend(to: token)
    guard steps.contains(t + 1) else { continue }
    func keys(_ cache: KeyCache<Double>, _ rows: Range<Int>) -> [Double] {
      (0..<layout.heads).flatMap { cache.keys(sequence: 0, head: $0).rows(rows).copy().entries }
    }
    func difference(_ rows: Range<Int>) -> Double {
      ErrorMeasure(candidate: keys(stored, rows), reference: keys(exact, rows)).rmsRatio
    }
    drifts.append(
      CacheDrift(
        steps: t + 1, oldestKeys: difference(0..<1), allKeys: difference(0..<t + 1),
        outputs: ErrorMeasure(candidate: outputs.o.entries, reference: reference.o.entries).rmsRatio))
  }
  return drifts
}
