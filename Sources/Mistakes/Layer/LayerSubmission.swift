import NumberFormats
import PathAttention
import TensorFiles

/// A layer's parameters, its x, and what a candidate computed from them, as they stand in a file.
package struct LayerSubmission {
  package let name: String
  package let file: String
  package let parameters: LayerParameters<Double>
  package let scale: Double?
  package let gate: GateConvention
  package let batch: Int
  package let length: Int
  /// [B, T, hidden].
  package let x: [Double]
  /// First tokens of packed sequences, if x is packed.
  package let segmentBoundaries: [Int]?
  /// The outputs that are there: full, prefill, decode steps in the order of tokens.
  package let outputs: [Output]
  /// The coarsest format of x, the parameters and the outputs.
  package let format: NumberFormat
  package let notes: [String]

  /// One tensor that the candidate computed.
  package struct Output {
    package let name: String
    package let path: LayerPath
    package let elementType: ElementType
    /// [B, tokens, hidden].
    package let entries: [Double]
    /// The tokens of every sequence that it belongs to.
    package let tokens: Range<Int>

    package init(name: String, path: LayerPath, elementType: ElementType, entries: [Double], tokens: Range<Int>) {
      self.name = name
      self.path = path
      self.elementType = elementType
      self.entries = entries
      self.tokens = tokens
    }
  }

  package init(
    name: String, file: String, parameters: LayerParameters<Double>, scale: Double?, gate: GateConvention, batch: Int,
    length: Int, x: [Double], segmentBoundaries: [Int]?, outputs: [Output], format: NumberFormat, notes: [String]
  ) {
    self.name = name
    self.file = file
    self.parameters = parameters
    self.scale = scale
    self.gate = gate
    self.batch = batch
    self.length = length
    self.x = x
    self.segmentBoundaries = segmentBoundaries
    self.outputs = outputs
    self.format = format
    self.notes = notes
  }

  package func output(_ path: LayerPath) -> Output? { outputs.first { $0.path == path } }

  /// How many tokens are prefilled before the first step; nil if there is neither prefill nor step.
  package var prefilled: Int? {
    output(.prefill)?.tokens.count ?? outputs.first { $0.path == .decode }?.tokens.lowerBound
  }

  package var steps: [Output] { outputs.filter { $0.path == .decode } }

  /// x of some tokens of every sequence.
  package func input(_ tokens: Range<Int>) throws(AttentionError) -> LayerInput<Double> {
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

/// One of the three ways of a layer to its outputs.
public enum LayerPath: String, Sendable, Codable, CaseIterable {
  /// All tokens at once.
  case full
  /// The first tokens at once, with a cache for the rest.
  case prefill
  /// The next tokens on top of the cache.
  case decode
}
