import LinearAlgebra

extension PathLayer {
  /// The gradients of Σ dy · y with respect to x and every parameter.
  ///
  /// Rounding by `roundStored` counts as the identity.
  ///
  /// - Parameters:
  ///   - pass: What `forward` returned.
  ///   - outputCotangent: dy, [B, T, hidden], in the order of memory.
  /// - Returns: dx, tokens × hidden, and the gradient of every parameter in its own shape.
  /// - Throws: `AttentionError` when the cotangent does not fit or is not finite.
  /// - Complexity: About 2.5 times the forward pass.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public func gradients(
    of pass: LayerPass<S>, outputCotangent: [S]
  ) throws(AttentionError) -> (x: Matrix<S>, parameters: LayerParameters<S>) {
    let (x, projections) = (pass.input.x, pass.projections)
    guard outputCotangent.count == x.rows * x.columns else {
      throw .count(tensor: "dy", expected: x.rows * x.columns, found: outputCotangent.count)
    }
    let gradients = LayerParameters<S>(zeros: configuration)
    let dx = Matrix<S>(rows: x.rows, columns: x.columns)
    func pull(_ dY: Matrix<S>, _ weight: LayerParameter, bias: LayerParameter? = nil) {
      parameters.mapBackward(dY, X: x, by: weight, bias: bias, dX: dx, into: gradients)
    }

    let dy = Matrix(rows: x.rows, columns: x.columns, entries: outputCotangent)
    let dO = Matrix<S>(rows: x.rows, columns: x.columns)
    parameters.mapBackward(dy, X: pass.o, by: .output, dX: dO, into: gradients)
    let inner = try attentionGradients(
      of: projections.inputs, outputs: pass.attention, outputCotangent: dO.entries, execution)

    pull(normBackward(inner.dq.matrix, X: projections.q, .queryNorm, into: gradients), .query)
    pull(normBackward(inner.dk.matrix, X: projections.k, .keyNorm, into: gradients), .key)
    pull(inner.dv.matrix, .value)

    let dw = reflectionBackward(inner.dw.matrix, pass, into: gradients)
    if let w0 = projections.w0 {
      let dw0 = Matrix<S>(rows: w0.rows, columns: w0.columns)
      parameters.mapBackward(dw, X: w0, by: .reflectionUp, dX: dw0, into: gradients)
      pull(dw0, .reflectionDown)
    } else {
      pull(dw, .reflection)
    }

    // β = 2 σ(b): dβ/db = 2 σ (1 − σ). g = log σ(b): dg/db = 1 − σ.
    pull(
      inner.dbeta.matrix.times(projections.strengthLogits) {
        let σ = S.sigmoid($0)
        return S(2) * σ * (.one - σ)
      }, .strength, bias: .strengthBias)
    if let dg = inner.dg, let logits = projections.gateLogits {
      pull(dg.matrix.times(logits) { .one - S.sigmoid($0) }, .gate, bias: .gateBias)
    }
    return (dx, gradients)
  }

  /// From the cotangent of q or k as attention takes it to that of the projection.
  private func normBackward(
    _ dY: Matrix<S>, X: Matrix<S>, _ parameter: LayerParameter, into gradients: LayerParameters<S>
  ) -> Matrix<S> {
    guard let factors = parameters[parameter], let dFactors = gradients[parameter]?.mutableView else { return dY }
    let N = queryKeyNorm.apply(to: X)
    let dN = dY.copy()
    for i in 0..<dN.rows {
      for j in 0..<dN.columns {
        let lane = j % factors.columns
        dFactors[0, lane] += dY[i, j] * N[i, j]
        dN.mutableView[i, j] *= factors[0, lane]
      }
    }
    return queryKeyNorm.backward(dN, X: X)
  }

  /// From the cotangent of the normalised w to that of w before the convolution.
  private func reflectionBackward(
    _ dW: Matrix<S>, _ pass: LayerPass<S>, into gradients: LayerParameters<S>
  ) -> Matrix<S> {
    let projections = pass.projections
    let dActivated = HeadNormalisation.length(lanes: configuration.headDim)
      .backward(dW, X: projections.wActivated)
    guard let convolution = ShortConvolution(parameters), let Z = projections.wConvolved else { return dActivated }
    return convolution.backward(
      dActivated.times(Z, S.siluDerivative), X: projections.wProjected, segments: pass.input.segments,
      into: gradients)
  }
}

extension Matrix {
  /// A ∘ f(B), for a function f of the entries.
  fileprivate func times(_ B: Matrix<Element>, _ function: (Element) -> Element) -> Matrix<Element> {
    let result = B.map(function)
    for i in 0..<rows {
      let row = result.mutableView.row(i)
      for j in 0..<columns { row[j] *= self[i, j] }
    }
    return result
  }
}
