import LinearAlgebra

/// The forward pass.
func forwardPass<S: SoftmaxScalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, _ execution: AttentionExecution,
  queryTokens: [Int]?, rounding: some RoundingModel<S>
) throws(AttentionError) -> AttentionOutputs<S> {
  try validateProblem(inputs, function, execution)
  let outputs = AttentionOutputs<S>(inputs, function)
  var traversal = Traversal(inputs, function, execution, rounding: rounding)
  if let queryTokens {
    var isChosen = [Bool](repeating: false, count: inputs.shape.tokens)
    for token in queryTokens {
      guard isChosen.indices.contains(token) else {
        throw .option(name: "queryTokens", expected: "in 0 ..< \(isChosen.count)", found: "\(token)")
      }
      isChosen[token] = true
    }
    fill(outputs.o.matrix, with: S.notComputed)
    fill(outputs.lse.matrix, with: S.notComputed)
    traversal.takesPart = { [isChosen] place, token in isChosen[place.segment.lowerBound + token] }
  }
  traversal.forward(SoftmaxVisitors(inputs: inputs, outputs: outputs, rounding: rounding))
  rounding.round(outputs.o.matrix.mutableView, .o)
  rounding.round(outputs.lse.matrix.mutableView, .lse)
  return outputs
}

/// The backward pass.
func backwardPass<S: SoftmaxScalar>(
  _ inputs: AttentionInputs<S>, _ outputs: AttentionOutputs<S>, _ outputCotangent: [S], _ lseCotangent: [S]?,
  _ execution: AttentionExecution, rounding: some RoundingModel<S>
) throws(AttentionError) -> AttentionGradients<S> {
  try validateProblem(inputs, outputs.function, execution)
  let dO = try finiteTensor(.do, inputs.shape, outputCotangent)
  let dlse = try lseCotangent.map { cotangent throws(AttentionError) in
    try finiteTensor(.dlse, inputs.shape, cotangent)
  }
  // A query whose outputs have no cotangent contributes nothing to any gradient.
  let takesPart: @Sendable (SegmentHead, Int) -> Bool = { place, token in
    let row = dO.window(place.segment, head: place.queryHead).row(token)
    return row.contains { $0 != .zero }
      || dlse.map { $0.window(place.segment, head: place.queryHead)[token, 0] != .zero } ?? false
  }
  try outputs.validate(inputs, where: takesPart)
  var traversal = Traversal(inputs, outputs.function, execution, rounding: rounding)
  traversal.takesPart = takesPart
  let gradients = AttentionGradients(inputs)
  traversal.backward(
    into: gradients.logit,
    SoftmaxCotangentVisitors(
      inputs: inputs, outputs: outputs, dO: dO, dlse: dlse, gradients: gradients, rounding: rounding))
  for (tensor, gradient) in gradients.tensors {
    rounding.round(gradient.matrix.mutableView, RoundingPoint(result: tensor))
  }
  return gradients
}

/// Checks numbers and options.
func validateProblem<S: SoftmaxScalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>, _ execution: AttentionExecution
) throws(AttentionError) {
  for (tensor, entries) in inputs.tensors { try validateFinite(entries, tensor) }
  try execution.validate()
  guard function.scale.isFinite else {
    throw .option(name: "scale", expected: "finite", found: "\(function.scale)")
  }
}

private func finiteTensor<S: SoftmaxScalar>(
  _ tensor: AttentionTensor, _ shape: AttentionShape, _ entries: [S]
) throws(AttentionError) -> TokenTensor<S> {
  let values = try TokenTensor(tensor, shape, entries)
  try validateFinite(values, tensor)
  return values
}

private func validateFinite<S: SoftmaxScalar>(
  _ values: TokenTensor<S>, _ tensor: AttentionTensor
) throws(AttentionError) {
  let view = values.matrix.view
  let zeros = Matrix<S>(rows: 1, columns: view.columns)
  for i in 0..<view.rows {
    let row = view.row(i)
    // 0 · x is zero if and only if x is finite, and a scalar product is faster than a look at each entry.
    guard S.dot(row, zeros.view.row(0)) != .zero, let j = row.firstIndex(where: { !$0.isFinite }) else { continue }
    throw .notFinite(tensor: tensor.rawValue, index: i * view.columns + j, value: "\(row[j])")
  }
}
