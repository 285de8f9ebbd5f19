import LinearAlgebra
import PathAttention

/// The three paths of a layer, as they should be or with a known disagreement in some of them.
///
/// Built from the public stages of the layer, so that a disagreement is one changed line between two stages.
public struct LayerPaths: Sendable {
  /// The layer as it should be.
  public let layer: PathLayer<Double>
  /// What is changed, if anything.
  public let variant: LayerVariant?

  /// The paths of a layer.
  public init(layer: PathLayer<Double>, variant: LayerVariant? = nil) {
    self.layer = layer
    self.variant = variant
  }

  /// y of the full pass, tokens × hidden.
  ///
  /// - Throws: `AttentionError` as the layer does.
  public func full(_ input: LayerInput<Double>) throws(AttentionError) -> Matrix<Double> {
    let layer = layer(.full)
    let projections = try project(input, history: nil, .full)
    return layer.output(stored(try attention(projections.inputs, layer.function, layer.execution).o.matrix))
  }

  /// y of the prefill, tokens × hidden, and the cache.
  ///
  /// - Throws: `AttentionError` as the layer does.
  public func prefill(_ input: LayerInput<Double>) throws(AttentionError) -> (
    y: Matrix<Double>, cache: LayerCache<Double>
  ) {
    let layer = layer(.prefill)
    let projections = try project(input, history: nil, .prefill)
    let outputs = try attention(projections.inputs, layer.function, layer.execution)
    var keys = try KeyCache(
      sequences: input.segments.count, layout: projections.inputs.headLayout, layer.function,
      roundStored: layer.roundStored)
    try keys.append(
      has(.keysNotCarried, .prefill) ? withoutReflections(projections.inputs) : projections.inputs,
      form: layer.execution.form)
    var history = projections.history
    if has(.convolutionStateNotHandedOver, .decode) { history = history.map(zeros) }
    return (layer.output(stored(outputs.o.matrix)), LayerCache(keys: keys, history: history))
  }

  /// y of the next tokens, tokens × hidden, on top of a cache.
  ///
  /// - Throws: `AttentionError` as the layer does.
  public func step(_ input: LayerInput<Double>, _ cache: inout LayerCache<Double>) throws(AttentionError) -> Matrix<
    Double
  > {
    let layer = layer(.decode)
    let history = has(.convolutionStateLost, .decode) ? cache.history.map(zeros) : cache.history
    let projections = try project(input, history: history, .decode)
    cache.history = projections.history
    // That of the cache, unless the step disagrees about it.
    cache.keys.function = layer.function
    let outputs = try cache.keys.attend(
      to: has(.keysNotUpdated, .decode) ? withoutReflections(projections.inputs) : projections.inputs,
      form: layer.execution.form)
    return layer.output(stored(outputs.o.matrix))
  }

  // MARK: Variants

  private func has(_ disagreement: LayerDisagreement, _ path: LayerPath) -> Bool {
    variant?.disagreement == disagreement && variant?.paths.contains(path) == true
  }

  /// The layer of a path, where the disagreement is one of its options.
  private func layer(_ path: LayerPath) -> PathLayer<Double> {
    var layer = layer
    if has(.gateConvention, path) { layer.function.gate = layer.function.gate == .scaled ? .unscaled : .scaled }
    if has(.normMissing, path), let parameters = try? layer.parameters.withoutNorm() {
      layer = PathLayer(
        parameters, scale: layer.function.scale, gate: layer.function.gate, execution: layer.execution,
        roundStored: layer.roundStored)
    }
    return layer
  }

  /// The stages before attention, where the disagreement is between two of them.
  private func project(
    _ input: LayerInput<Double>, history: [Matrix<Double>]?, _ path: LayerPath
  ) throws(AttentionError) -> (inputs: AttentionInputs<Double>, history: [Matrix<Double>]) {
    let projections = try layer(path).project(input, history: history)
    var w: Matrix<Double>?
    if has(.wNormalisedAcrossHeads, path) {
      w = HeadNormalisation.length(lanes: layer.configuration.keyValueDim).apply(to: projections.wActivated)
    }
    if has(.wNormalisedBeforeConvolution, path), let convolution = ShortConvolution(layer.parameters) {
      let length = HeadNormalisation<Double>.length(lanes: layer.configuration.headDim)
      let before = history ?? input.segments.map { _ in convolution.emptyHistory }
      let (Z, _) = convolution.apply(
        to: stored(length.apply(to: projections.wProjected)), segments: input.segments,
        history: before.map(length.apply))
      w = ShortConvolution.silu(Z)
    }
    let inputs = try w.map { w throws(AttentionError) in try projections.inputs.replacing(w: stored(w).entries) }
    return (inputs ?? projections.inputs, projections.history)
  }

  private func withoutReflections(_ inputs: AttentionInputs<Double>) throws(AttentionError) -> AttentionInputs<Double> {
    try inputs.replacing(beta: inputs.beta.entries.map { _ in 0 })
  }

  private func zeros(_ matrix: Matrix<Double>) -> Matrix<Double> { Matrix(rows: matrix.rows, columns: matrix.columns) }

  private func stored(_ X: Matrix<Double>) -> Matrix<Double> {
    guard let roundStored = layer.roundStored else { return X }
    return Matrix(rows: X.rows, columns: X.columns, entries: X.entries.map(roundStored))
  }
}

extension LayerParameters<Double> {
  fileprivate func withoutNorm() throws(AttentionError) -> Self {
    var configuration = configuration
    configuration.hasQueryKeyNorm = false
    let kept = tensors.filter { configuration.dimensions(of: $0.parameter) != nil }
    return try Self(
      configuration, entries: Dictionary(uniqueKeysWithValues: kept.map { ($0.parameter.rawValue, $0.entries) }))
  }
}
