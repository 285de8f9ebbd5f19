/// The architecture of a PaTH attention layer: the options of flash-linear-attention's `PaTHAttention`.
public struct LayerConfiguration: Sendable, Hashable, Codable {
  /// The width of x and of the outputs, a multiple of `queryHeads`.
  public var hiddenSize: Int
  /// The number of query heads, a multiple of `heads`.
  public var queryHeads: Int
  /// The number of key/value heads.
  public var heads: Int
  /// The rank of the projection that makes w, in two factors; nil for one full matrix.
  public var reflectionRank: Int?
  /// The short convolution of w; nil for none, and then no SiLU either.
  public var convolution: Convolution?
  /// Whether there is a forget gate (PaTH-FoX).
  public var hasForgetGate: Bool
  /// Whether q and k are normalised per head.
  public var hasQueryKeyNorm: Bool
  /// What is added to the mean square in that normalisation.
  public var normEpsilon: Double

  /// A causal convolution over the tokens, one filter for each lane of w.
  public struct Convolution: Sendable, Hashable, Codable {
    /// How many tokens it sees, the present one included.
    public var width: Int
    /// Whether there is a bias.
    public var hasBias: Bool

    /// A convolution.
    public init(width: Int = 3, hasBias: Bool = false) {
      self.width = width
      self.hasBias = hasBias
    }
  }

  /// A configuration; everything that is not given is as upstream has it. Checked when parameters are made for it.
  public init(
    hiddenSize: Int, queryHeads: Int, heads: Int? = nil, reflectionRank: Int? = 32,
    convolution: Convolution? = Convolution(), hasForgetGate: Bool = false, hasQueryKeyNorm: Bool = false,
    normEpsilon: Double = 1e-5
  ) {
    self.hiddenSize = hiddenSize
    self.queryHeads = queryHeads
    self.heads = heads ?? queryHeads
    self.reflectionRank = reflectionRank
    self.convolution = convolution
    self.hasForgetGate = hasForgetGate
    self.hasQueryKeyNorm = hasQueryKeyNorm
    self.normEpsilon = normEpsilon
  }

  /// Lanes per head of q, k, v and w.
  public var headDim: Int { hiddenSize / queryHeads }

  /// Lanes of k, v and w over all heads.
  public var keyValueDim: Int { heads * headDim }

  /// The sizes of the attention inside the layer.
  public func shape(batch: Int, length: Int) -> AttentionShape {
    AttentionShape(
      batch: batch, length: length, queryHeads: queryHeads, heads: heads, keyDim: headDim, valueDim: headDim)
  }

  func validate() throws(AttentionError) {
    guard hiddenSize >= 1 else { throw .size(name: "hiddenSize", found: hiddenSize) }
    guard queryHeads >= 1 else { throw .size(name: "queryHeads", found: queryHeads) }
    guard hiddenSize % queryHeads == 0 else {
      throw .option(name: "hiddenSize", expected: "a multiple of \(queryHeads) query heads", found: "\(hiddenSize)")
    }
    try HeadLayout(
      queryHeads: queryHeads, heads: heads, keyDim: headDim, valueDim: headDim, gated: hasForgetGate
    ).validate()
    if let reflectionRank, reflectionRank < 1 { throw .size(name: "reflectionRank", found: reflectionRank) }
    if let convolution, convolution.width < 1 { throw .size(name: "convolution width", found: convolution.width) }
    guard normEpsilon >= 0, normEpsilon.isFinite else {
      throw .option(name: "normEpsilon", expected: "finite and not negative", found: "\(normEpsilon)")
    }
  }
}

extension LayerConfiguration {
  /// The configuration that parameters of given names and dimensions belong to. Every part of it but `normEpsilon` follows
  /// from them.
  ///
  /// - Parameter dimensions: The dimensions of every parameter by its name in the state dict.
  /// - Throws: `AttentionError` when a parameter that is always there is missing, or the sizes contradict each other.
  public init(dimensions: [String: [Int]]) throws(AttentionError) {
    let always: [LayerParameter] = [.query, .key, .value, .strength, .strengthBias, .output]
    let missing = always.map(\.rawValue).filter { dimensions[$0] == nil }
    guard missing.isEmpty else { throw .parameters(missing: missing, unexpected: []) }
    func size(_ parameter: LayerParameter, axis: Int) -> Int? {
      dimensions[parameter.rawValue].flatMap { $0.indices.contains(axis) ? $0[axis] : nil }
    }
    let hiddenSize = size(.query, axis: 1) ?? 0
    let heads = size(.strengthBias, axis: 0) ?? 0
    let keyValueDim = size(.key, axis: 0) ?? 0
    guard heads >= 1, keyValueDim >= heads, keyValueDim % heads == 0 else {
      throw .option(
        name: LayerParameter.key.rawValue, expected: "a multiple of \(heads) key/value heads as first dimension",
        found: "\(keyValueDim)")
    }
    let headDim = keyValueDim / heads
    guard hiddenSize >= headDim, hiddenSize % headDim == 0 else {
      throw .option(
        name: LayerParameter.query.rawValue, expected: "a multiple of the head size \(headDim) as second dimension",
        found: "\(hiddenSize)")
    }
    self.init(
      hiddenSize: hiddenSize, queryHeads: hiddenSize / headDim, heads: heads,
      reflectionRank: size(.reflectionDown, axis: 0),
      convolution: size(.convolution, axis: 2).map {
        Convolution(width: $0, hasBias: dimensions[LayerParameter.convolutionBias.rawValue] != nil)
      },
      hasForgetGate: dimensions[LayerParameter.gate.rawValue] != nil,
      hasQueryKeyNorm: dimensions[LayerParameter.queryNorm.rawValue] != nil)
    try validate()
  }
}
