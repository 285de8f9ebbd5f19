import LinearAlgebra

/// A PaTH attention layer, as in flash-linear-attention's `PaTHAttention`:
///
///     q, k, v   linear in x; with the option, q and k divided per head by their root mean square and times factors
///     w         linear in x (two factors, or one full matrix); causal convolution and SiLU; divided per head by its length
///     β         2 σ(linear in x), one for each key/value head
///     g         log σ(linear in x), one for each query head, with the option
///     y         linear in o
///
/// Three paths lead to the same outputs: the full pass, a prefill that hands out a cache, and steps that continue it.
///
/// ```swift
/// var random = SystemRandomNumberGenerator()
/// let layer = PathLayer(try LayerParameters<Double>(.init(hiddenSize: 256, queryHeads: 4), using: &random))
/// let y = try layer.forward(input).y
/// ```
///
/// Source: Yang et al., “PaTH Attention”, arXiv 2505.16381, section 3; the normalisations and the place of the SiLU are
/// upstream's.
public struct PathLayer<S: LayerScalar>: Sendable {
  /// The parameters.
  public let parameters: LayerParameters<S>
  /// Scale and gate convention of the attention.
  public var function: AttentionFunction<S>
  /// Form and threads of the attention.
  public var execution: AttentionExecution
  /// What storing a number between two stages, and in the cache, makes of it; nil if it is kept as it is. With the rounding
  /// of a format the layer makes the errors that an honest implementation in that format makes between its kernels.
  public var roundStored: (@Sendable (S) -> S)?

  /// A layer.
  ///
  /// - Parameters:
  ///   - parameters: Its parameters.
  ///   - scale: The factor of the logits; 1/√(lanes per head) when nil.
  ///   - gate: How the gate enters, if there is one.
  ///   - execution: Form and threads.
  ///   - roundStored: What storing a number makes of it.
  public init(
    _ parameters: LayerParameters<S>, scale: Double? = nil, gate: GateConvention = .scaled,
    execution: AttentionExecution = .init(), roundStored: (@Sendable (S) -> S)? = nil
  ) {
    self.parameters = parameters
    function = .usual(keyDim: parameters.configuration.headDim, gate: gate)
    if let scale { function.scale = S(scale) }
    self.execution = execution
    self.roundStored = roundStored
  }

  /// The architecture.
  public var configuration: LayerConfiguration { parameters.configuration }

  // MARK: Paths

  /// The full pass: every sequence from its first token.
  ///
  /// - Throws: `AttentionError` when x does not fit, a number is not finite or an option makes no sense.
  /// - Complexity: O(tokens · hidden²) and that of attention.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func forward(_ input: LayerInput<S>) throws(AttentionError) -> LayerPass<S> {
    let projections = try project(input)
    let outputs = try attention(projections.inputs, function, execution)
    let o = stored(outputs.o.matrix.copy())
    return LayerPass(input: input, projections: projections, attention: outputs, o: o, y: output(o))
  }

  /// The full pass and the cache with which its sequences go on.
  ///
  /// - Throws: `AttentionError` as `forward` does.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func prefill(_ input: LayerInput<S>) throws(AttentionError) -> (y: Matrix<S>, cache: LayerCache<S>) {
    let projections = try project(input)
    let (outputs, keys) = try PathAttention.prefill(
      projections.inputs, function, execution, roundStored: roundStored)
    return (
      output(stored(outputs.o.matrix.copy())), LayerCache(keys: keys, history: projections.history)
    )
  }

  /// The next tokens of every sequence, one or several.
  ///
  /// - Parameters:
  ///   - input: The new tokens; segment s goes to sequence s of the cache.
  ///   - cache: What the tokens before left; afterwards it has the new ones too.
  /// - Throws: `AttentionError` as `forward` does, and when the tokens do not fit the cache.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func step(_ input: LayerInput<S>, _ cache: inout LayerCache<S>) throws(AttentionError) -> Matrix<S> {
    let projections = try project(input, history: cache.history)
    let outputs = try cache.keys.attend(to: projections.inputs, form: execution.form)
    cache.history = projections.history
    return output(stored(outputs.o.matrix))
  }

  // MARK: Stages

  /// The stages before attention.
  ///
  /// - Parameters:
  ///   - input: The tokens.
  ///   - history: What the convolution saw of each sequence before them; nil at the start.
  /// - Throws: `AttentionError` when x does not fit or is not finite.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func project(
    _ input: LayerInput<S>, history: [Matrix<S>]? = nil
  ) throws(AttentionError) -> LayerProjections<S> {
    let (configuration, x) = (configuration, input.x)
    guard x.columns == configuration.hiddenSize else {
      throw .option(name: "hiddenSize", expected: "\(configuration.hiddenSize)", found: "\(x.columns)")
    }
    let q = stored(parameters.map(x, by: .query))
    let k = stored(parameters.map(x, by: .key))
    let v = stored(parameters.map(x, by: .value))

    let w0 = configuration.reflectionRank.map { _ in stored(parameters.map(x, by: .reflectionDown)) }
    let wProjected = stored(w0.map { parameters.map($0, by: .reflectionUp) } ?? parameters.map(x, by: .reflection))
    var (wConvolved, wActivated, after) = (nil as Matrix<S>?, wProjected, [] as [Matrix<S>])
    if let convolution = ShortConvolution(parameters) {
      let before = history ?? input.segments.map { _ in convolution.emptyHistory }
      try convolution.validate(history: before, segments: input.segments)
      let (Z, history) = convolution.apply(to: wProjected, segments: input.segments, history: before)
      (wConvolved, after) = (Z, history)
      wActivated = stored(ShortConvolution.silu(Z))
    }
    let w = stored(HeadNormalisation.length(lanes: configuration.headDim).apply(to: wActivated))

    let strengthLogits = stored(parameters.map(x, by: .strength, bias: .strengthBias))
    let beta = stored(strengthLogits.map { S(2) * S.sigmoid($0) })
    let gateLogits = configuration.hasForgetGate ? stored(parameters.map(x, by: .gate, bias: .gateBias)) : nil
    let inputs = try AttentionInputs(
      shape: configuration.shape(batch: input.batch, length: input.length),
      q: normalised(q, .queryNorm).entries, k: normalised(k, .keyNorm).entries, v: v.entries, w: w.entries,
      beta: beta.entries, g: gateLogits?.map(S.logSigmoid).entries, segmentBoundaries: input.segmentBoundaries)
    return LayerProjections(
      q: q, k: k, w0: w0, wProjected: wProjected, wConvolved: wConvolved, wActivated: wActivated,
      strengthLogits: strengthLogits, gateLogits: gateLogits, inputs: inputs, history: after)
  }

  /// The stage after attention: y from o, tokens × hidden.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func output(_ o: Matrix<S>) -> Matrix<S> { stored(parameters.map(o, by: .output)) }

  /// The normalisation of q and k. Stored once: upstream fuses the division and the factors.
  var queryKeyNorm: HeadNormalisation<S> {
    .rootMeanSquare(lanes: configuration.headDim, epsilon: configuration.normEpsilon)
  }

  private func normalised(_ X: Matrix<S>, _ factors: LayerParameter) -> Matrix<S> {
    guard let factors = parameters[factors] else { return X }
    let result = queryKeyNorm.apply(to: X)
    for i in 0..<result.rows {
      let row = result.mutableView.row(i)
      for lane in 0..<row.count { row[lane] *= factors[0, lane % factors.columns] }
    }
    return stored(result)
  }

  private func stored(_ X: Matrix<S>) -> Matrix<S> { roundStored.map(X.map) ?? X }
}

/// A full pass of a layer: its outputs, and what its gradients are computed from.
public struct LayerPass<S: LayerScalar>: Sendable {
  /// The tokens.
  public let input: LayerInput<S>
  /// The stages before attention.
  public let projections: LayerProjections<S>
  /// What attention computed.
  public let attention: AttentionOutputs<S>
  /// The outputs of attention as they were stored, tokens × hidden.
  public let o: Matrix<S>
  /// The outputs of the layer, tokens × hidden.
  public let y: Matrix<S>
}

/// What a layer keeps of every sequence between one step and the next.
public struct LayerCache<S: Scalar>: Sendable {
  /// Carried keys, values and gate sums.
  public var keys: KeyCache<S>
  /// The last rows of w before the convolution, for each sequence; empty without convolution.
  public var history: [Matrix<S>]

  /// A cache of parts.
  public init(keys: KeyCache<S>, history: [Matrix<S>]) {
    self.keys = keys
    self.history = history
  }
}

extension Matrix {
  /// A matrix of the results of a function of the entries.
  func map(_ function: (Element) -> Element) -> Matrix<Element> {
    let result = copy()
    for i in 0..<rows {
      let row = result.mutableView.row(i)
      for j in 0..<columns { row[j] = function(row[j]) }
    }
    return result
  }
}
