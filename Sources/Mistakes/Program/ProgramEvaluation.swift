import LinearAlgebra
import PathAttention
import Problems

extension ProgramChoices {
  /// Evaluates the program on a case: o, lse (unless there is no softmax), and the gradients if the case has a cotangent.
  ///
  /// With emulated rounding, every product and sum of the program is rounded as the forms round theirs, and results as they
  /// are written.
  ///
  /// Each unit is differentiated by itself; gradients of what query heads share add up in the gradients' memory.
  package func evaluate(
    _ attentionCase: AttentionCase, blockSize: Int, rounding: EmulatedRounding? = nil
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    let inputs = attentionCase.inputs
    let shape = inputs.shape
    let gradients = InputGradients(inputs)
    let scale = attentionCase.function.scale
    let o = Matrix<Double>(rows: shape.tokens, columns: shape.queryHeads * shape.valueDim)
    let lse = Matrix<Double>(rows: shape.tokens, columns: shape.queryHeads)
    var (dO, dlse): (Matrix<Double>?, Matrix<Double>?)
    if let given = attentionCase.outputCotangent { dO = try TokenTensor(.do, shape, given).matrix }
    if let given = attentionCase.lseCotangent { dlse = try TokenTensor(.lse, shape, given).matrix }

    for unit in units(of: inputs, blockSize: blockSize) {
      let head = HeadProgram(
        inputs, unit, choices: self, blockSize: blockSize, scale: scale, attentionCase.function.gate,
        gradients: gradients,
        arithmetic: rounding.map(ProgramArithmetic.rounded) ?? .exact, isDifferentiated: dO != nil)
      let softmax = SoftmaxProgram(head)
      let unwritten = self.unwritten(unit, blockSize: blockSize)
      let written = unit.kept.lowerBound..<unwritten.lowerBound
      let rows = unit.kept.lowerBound - unit.tokens.lowerBound..<unit.tokens.count
      let lanes = unit.queryHead * shape.valueDim..<(unit.queryHead + 1) * shape.valueDim
      let head1 = unit.queryHead..<unit.queryHead + 1
      assign(
        softmax.outputs.value.rows(rows.prefix(written.count)), to: o.mutableView.rows(written).columns(lanes))
      if let value = softmax.lse?.value {
        assign(value.rows(rows.prefix(written.count)), to: lse.mutableView.rows(written).columns(head1))
      }
      guard let dO else { continue }
      assign(dO.view.rows(unit.kept).columns(lanes), to: softmax.outputs.cotangent.rows(rows))
      if let dlse, let cotangent = softmax.lse?.cotangent {
        assign(dlse.view.rows(unit.kept).columns(head1), to: cotangent.rows(rows))
      }
      clearOverwritten(head.inputs)
      head.tape.pullBack()
      fill(head.inputs.Q.cotangent.rows(rows.suffix(unwritten.count)), with: 0)
    }

    var tensors: [AttentionTensor: [Double]] = [.o: o.entries]
    if weighting == .softmax { tensors[.lse] = lse.entries }
    guard dO != nil else { return tensors }
    for (tensor, gradient) in [
      (AttentionTensor.q, AttentionTensor.dq), (.k, .dk), (.v, .dv), (.w, .dw), (.beta, .dbeta), (.g, .dg),
    ] {
      tensors[gradient] = gradients[tensor]?.entries
    }
    return tensors
  }

  func clearOverwritten<S>(_ inputs: UnitInputs<S>) {
    for (flag, variable) in [
      (BackwardChoices.KeySideGradients.dk, inputs.K), (.dv, inputs.V), (.dw, inputs.W), (.dbeta, inputs.β),
    ] where backward.overwritten.contains(flag) {
      fill(variable.cotangent, with: .zero)
    }
  }
}
