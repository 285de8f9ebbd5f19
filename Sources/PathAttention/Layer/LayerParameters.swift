import LinearAlgebra

/// The parameters of a layer, by their names in flash-linear-attention's state dict.
public enum LayerParameter: String, CaseIterable, Sendable {
  /// x → q.
  case query = "q_proj.weight"
  /// x → k.
  case key = "k_proj.weight"
  /// x → v.
  case value = "v_proj.weight"
  /// x → w, if it has full rank.
  case reflection = "w_proj.weight"
  /// x → w, the first of two factors.
  case reflectionDown = "w_proj.0.weight"
  /// x → w, the second of two factors.
  case reflectionUp = "w_proj.1.weight"
  /// The filters of the short convolution; the last tap meets the present token.
  case convolution = "w_conv1d.weight"
  /// The bias of the short convolution.
  case convolutionBias = "w_conv1d.bias"
  /// x → the logit of β.
  case strength = "bt_proj.weight"
  /// The bias of the logit of β.
  case strengthBias = "bt_proj.bias"
  /// x → the logit of the forget gate.
  case gate = "g_proj.weight"
  /// The bias of the logit of the forget gate.
  case gateBias = "g_proj.bias"
  /// The factors of the normalised q, the same for all heads.
  case queryNorm = "maybe_q_norm.weight"
  /// The factors of the normalised k, the same for all heads.
  case keyNorm = "maybe_k_norm.weight"
  /// o → the output.
  case output = "o_proj.weight"
}

extension LayerConfiguration {
  /// The dimensions of a parameter in the state dict; nil if the layer does not have it.
  public func dimensions(of parameter: LayerParameter) -> [Int]? {
    switch parameter {
    case .query, .output: [hiddenSize, hiddenSize]
    case .key, .value: [keyValueDim, hiddenSize]
    case .reflection: reflectionRank == nil ? [keyValueDim, hiddenSize] : nil
    case .reflectionDown: reflectionRank.map { [$0, hiddenSize] }
    case .reflectionUp: reflectionRank.map { [keyValueDim, $0] }
    case .convolution: convolution.map { [keyValueDim, 1, $0.width] }
    case .convolutionBias: convolution?.hasBias == true ? [keyValueDim] : nil
    case .strength: [heads, hiddenSize]
    case .strengthBias: [heads]
    case .gate: hasForgetGate ? [queryHeads, hiddenSize] : nil
    case .gateBias: hasForgetGate ? [queryHeads] : nil
    case .queryNorm, .keyNorm: hasQueryKeyNorm ? [headDim] : nil
    }
  }

  /// The parameters that the layer has.
  public var parameters: [LayerParameter] { LayerParameter.allCases.filter { dimensions(of: $0) != nil } }
}

/// The parameters of a layer, or their gradients.
///
/// Each is a matrix: a weight has one row for each output, a vector is one row.
public struct LayerParameters<S: Scalar>: Sendable {
  /// The layer that they belong to.
  public let configuration: LayerConfiguration
  private let matrices: [LayerParameter: Matrix<S>]

  /// Given entries, in the order of memory, by the names in the state dict.
  ///
  /// - Throws: `AttentionError` when the configuration makes no sense, a parameter is missing, there is one that the
  ///   configuration does not have, or the number of entries is wrong.
  public init(_ configuration: LayerConfiguration, entries: [String: [S]]) throws(AttentionError) {
    try configuration.validate()
    let names = Set(configuration.parameters.map(\.rawValue))
    let (missing, unexpected) = (names.subtracting(entries.keys), Set(entries.keys).subtracting(names))
    guard missing.isEmpty, unexpected.isEmpty else {
      throw .parameters(missing: missing.sorted(), unexpected: unexpected.sorted())
    }
    for parameter in configuration.parameters {
      let expected = configuration.dimensions(of: parameter)!.reduce(1, *)
      let found = entries[parameter.rawValue]!.count
      guard expected == found else {
        throw .count(tensor: parameter.rawValue, expected: expected, found: found)
      }
    }
    self.init(configuration) { parameter, rows, columns in
      Matrix(rows: rows, columns: columns, entries: entries[parameter.rawValue]!)
    }
  }

  /// Zeros, to be added to. The configuration has been checked.
  init(zeros configuration: LayerConfiguration) {
    self.init(configuration) { Matrix(rows: $1, columns: $2) }
  }

  private init(_ configuration: LayerConfiguration, _ matrix: (LayerParameter, Int, Int) -> Matrix<S>) {
    self.configuration = configuration
    matrices = Dictionary(
      uniqueKeysWithValues: configuration.parameters.map { parameter in
        let dimensions = configuration.dimensions(of: parameter)!
        let rows = dimensions.count > 1 ? dimensions[0] : 1
        return (parameter, matrix(parameter, rows, dimensions.reduce(1, *) / rows))
      })
  }

  /// A parameter, if the layer has it.
  public subscript(parameter: LayerParameter) -> Matrix<S>? { matrices[parameter] }

  /// The parameters that are there, with their entries.
  public var tensors: [(parameter: LayerParameter, entries: [S])] {
    configuration.parameters.map { ($0, matrices[$0]!.entries) }
  }
}

extension LayerParameters where S: RealScalar {
  /// Random parameters as upstream starts with: uniform in ±1/√(fan in), factors of norms 1.
  ///
  /// - Parameters:
  ///   - configuration: The layer.
  ///   - random: The source; the same numbers give the same parameters.
  /// - Throws: `AttentionError` when the configuration makes no sense.
  public init(
    _ configuration: LayerConfiguration, using random: inout some RandomNumberGenerator
  ) throws(AttentionError) {
    try configuration.validate()
    var entries: [String: [S]] = [:]
    for parameter in configuration.parameters {
      let dimensions = configuration.dimensions(of: parameter)!
      let bound = 1 / Double(configuration.fanIn(of: parameter)).squareRoot()
      entries[parameter.rawValue] = (0..<dimensions.reduce(1, *)).map { _ in
        switch parameter {
        case .queryNorm, .keyNorm: .one
        default: S(Double.random(in: -bound...bound, using: &random))
        }
      }
    }
    try self.init(configuration, entries: entries)
  }
}

extension LayerConfiguration {
  /// How many numbers are added up to make one output of the map that a parameter belongs to.
  fileprivate func fanIn(of parameter: LayerParameter) -> Int {
    switch parameter {
    case .reflectionUp: reflectionRank ?? 1
    case .convolution, .convolutionBias: convolution?.width ?? 1
    default: hiddenSize
    }
  }
}
