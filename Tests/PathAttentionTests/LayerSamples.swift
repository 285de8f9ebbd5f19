import LinearAlgebra
import PathAttention
import Problems

/// A small layer with every option one way or the other, its tokens and a cotangent.
struct LayerSample: CustomStringConvertible {
  let name: String
  let configuration: LayerConfiguration
  var batch = 2
  var length = 6
  var segmentBoundaries: [Int]?
  var gate = GateConvention.scaled

  var description: String { name }

  /// Every option on and off at least once.
  static let all: [LayerSample] = [
    LayerSample(
      name: "as upstream", configuration: LayerConfiguration(hiddenSize: 8, queryHeads: 2, reflectionRank: 3)),
    LayerSample(
      name: "grouped, gated",
      configuration: LayerConfiguration(
        hiddenSize: 12, queryHeads: 4, heads: 2, reflectionRank: 2, hasForgetGate: true)),
    LayerSample(
      name: "full w, normalised q and k",
      configuration: LayerConfiguration(
        hiddenSize: 12, queryHeads: 3, heads: 1, reflectionRank: nil, hasQueryKeyNorm: true)),
    LayerSample(
      name: "no convolution, unscaled gate",
      configuration: LayerConfiguration(
        hiddenSize: 8, queryHeads: 4, heads: 2, reflectionRank: nil, convolution: nil, hasForgetGate: true),
      gate: .unscaled),
    LayerSample(
      name: "wide convolution with bias, everything on, packed",
      configuration: LayerConfiguration(
        hiddenSize: 12, queryHeads: 4, heads: 2, reflectionRank: 4,
        convolution: LayerConfiguration.Convolution(width: 4, hasBias: true), hasForgetGate: true,
        hasQueryKeyNorm: true, normEpsilon: 1e-2), batch: 1, length: 11, segmentBoundaries: [0, 0, 1, 7, 9, 11]),
    LayerSample(
      name: "convolution of one tap, one head of one lane",
      configuration: LayerConfiguration(
        hiddenSize: 1, queryHeads: 1, reflectionRank: 1,
        convolution: LayerConfiguration.Convolution(width: 1, hasBias: true), hasForgetGate: true)),
    LayerSample(
      name: "one token", configuration: LayerConfiguration(hiddenSize: 4, queryHeads: 2, hasForgetGate: true), length: 1
    ),
    LayerSample(
      name: "no tokens", configuration: LayerConfiguration(hiddenSize: 4, queryHeads: 2, hasForgetGate: true), length: 0
    ),
  ]

  /// The layer, with factors of norms that are not all 1.
  func layer() throws -> PathLayer<Double> {
    var random = SeededGenerator(seed: 17, part: name)
    let parameters = try LayerParameters<Double>(configuration, using: &random)
    var entries: [String: [Double]] = [:]
    for (parameter, numbers) in parameters.tensors {
      let isFactor = parameter == .queryNorm || parameter == .keyNorm
      entries[parameter.rawValue] = isFactor ? numbers.map { _ in random.uniform(0.5...1.5) } : numbers
    }
    return PathLayer(
      try LayerParameters(configuration, entries: entries), gate: gate,
      execution: AttentionExecution(form: .blockwise(blockSize: 4)))
  }

  func normals(_ part: String) -> [Double] {
    var random = SeededGenerator(seed: 18, part: part + name)
    return (0..<batch * length * configuration.hiddenSize).map { _ in random.normal() }
  }

  func input(_ x: [Double]? = nil) throws -> LayerInput<Double> {
    try LayerInput(
      batch: batch, length: length, hiddenSize: configuration.hiddenSize, x: x ?? normals("x"),
      segmentBoundaries: segmentBoundaries)
  }
}
