import Mistakes
import NumberFormats
import PathAttention
import TensorFiles

/// A layer's parameters, its x, and what a candidate computed from them, as they stand in a file.
struct LayerSubmission {
  let name: String
  let file: String
  let parameters: LayerParameters<Double>
  let scale: Double?
  let gate: GateConvention
  let batch: Int
  let length: Int
  /// [B, T, hidden].
  let x: [Double]
  /// First tokens of packed sequences, if x is packed.
  let segmentBoundaries: [Int]?
  /// The outputs that are there: full, prefill, decode steps in the order of tokens.
  let outputs: [Output]
  /// The coarsest format of x, the parameters and the outputs.
  let format: NumberFormat
  let notes: [String]

  /// One tensor that the candidate computed.
  struct Output {
    let name: String
    let path: LayerPath
    let elementType: ElementType
    /// [B, tokens, hidden].
    let entries: [Double]
    /// The tokens of every sequence that it belongs to.
    let tokens: Range<Int>
  }

  func output(_ path: LayerPath) -> Output? { outputs.first { $0.path == path } }

  /// How many tokens are prefilled before the first step; nil if there is neither prefill nor step.
  var prefilled: Int? {
    output(.prefill)?.tokens.count ?? outputs.first { $0.path == .decode }?.tokens.lowerBound
  }

  var steps: [Output] { outputs.filter { $0.path == .decode } }

  /// x of some tokens of every sequence.
  func input(_ tokens: Range<Int>) throws(AttentionError) -> LayerInput<Double> {
    let hidden = parameters.configuration.hiddenSize
    let rows = (0..<batch).flatMap { sequence -> ArraySlice<Double> in
      let start = sequence * length
      return x[(start + tokens.lowerBound) * hidden..<(start + tokens.upperBound) * hidden]
    }
    return try LayerInput(
      batch: batch, length: tokens.count, hiddenSize: hidden, x: rows,
      segmentBoundaries: tokens.count == length ? segmentBoundaries : nil)
  }
}
