import LinearAlgebra
import PathAttention

/// The layer written out with numbers and loops: every stage from its formula, attention by `Definition`. Nothing is shared
/// with the library but the containers.
struct LayerDefinition {
  let layer: PathLayer<Double>
  let input: LayerInput<Double>

  typealias Rows = [[Double]]

  private func linear(_ X: Rows, _ weight: LayerParameter, _ bias: LayerParameter? = nil) -> Rows {
    let W = layer.parameters[weight]!
    let b = bias.flatMap { layer.parameters[$0] }
    return X.map { x in
      (0..<W.rows).map { i in x.indices.reduce(b?[0, i] ?? 0) { $0 + W[i, $1] * x[$1] } }
    }
  }

  /// Every head of a row put through a function.
  private func perHead(_ X: Rows, _ function: ([Double]) -> [Double]) -> Rows {
    let d = layer.configuration.headDim
    return X.map { x in stride(from: 0, to: x.count, by: d).flatMap { function(Array(x[$0..<$0 + d])) } }
  }

  private func normalised(_ X: Rows, _ parameter: LayerParameter) -> Rows {
    guard let factors = layer.parameters[parameter] else { return X }
    return perHead(X) { x in
      let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
      return x.enumerated().map { $1 / (mean + layer.configuration.normEpsilon).squareRoot() * factors[0, $0] }
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + .exp(-x)) }

  private func reflections(_ X: Rows) -> Rows {
    let configuration = layer.configuration
    var W =
      configuration.reflectionRank == nil
      ? linear(X, .reflection) : linear(linear(X, .reflectionDown), .reflectionUp)
    if let convolution = configuration.convolution {
      let filter = layer.parameters[.convolution]!
      let bias = layer.parameters[.convolutionBias]
      var convolved = W
      for segment in input.segments {
        for t in segment {
          for lane in W[t].indices {
            var z = bias?[0, lane] ?? 0
            for back in 0..<convolution.width where t - back >= segment.lowerBound {
              z += filter[lane, convolution.width - 1 - back] * W[t - back][lane]
            }
            convolved[t][lane] = z * sigmoid(z)
          }
        }
      }
      W = convolved
    }
    return perHead(W) { w in
      let square = w.reduce(0) { $0 + $1 * $1 }
      return w.map { $0 / (square + 1e-6).squareRoot() }
    }
  }

  /// y, in the order of memory.
  func outputs() throws -> [Double] {
    let configuration = layer.configuration
    let hidden = configuration.hiddenSize
    let X = (0..<input.x.rows).map { t in (0..<hidden).map { input.x[t, $0] } }
    func flat(_ rows: Rows, _ function: (Double) -> Double = { $0 }) -> [Double] { rows.joined().map(function) }
    let strengths = flat(linear(X, .strength, .strengthBias)) { 2 * sigmoid($0) }
    let gates = configuration.hasForgetGate ? flat(linear(X, .gate, .gateBias)) { .log(sigmoid($0)) } : nil
    let inputs = try AttentionInputs(
      shape: configuration.shape(batch: input.batch, length: input.length),
      q: flat(normalised(linear(X, .query), .queryNorm)), k: flat(normalised(linear(X, .key), .keyNorm)),
      v: flat(linear(X, .value)), w: flat(reflections(X)), beta: strengths, g: gates,
      segmentBoundaries: input.segmentBoundaries)
    let o = Definition(inputs, layer.function).outputs().o
    let O = (0..<input.x.rows).map { t in Array(o[t * hidden..<(t + 1) * hidden]) }
    return flat(linear(O, .output))
  }
}
