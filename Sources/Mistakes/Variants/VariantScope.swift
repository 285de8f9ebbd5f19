import PathAttention
import Problems

extension Variant {
  /// Whether the variant is about something that a case does not have: a gate, groups of query heads, packed segments, values
  /// of another width than keys, a cotangent of the log-sum-exp. Then it is the definition, and nobody expects inputs to show it.
  func isOutOfScope(of attentionCase: AttentionCase) -> Bool {
    let (inputs, shape) = (attentionCase.inputs, attentionCase.inputs.shape)
    let nominal = ProgramChoices()
    var rest = choices
    func reset<Value>(_ choice: WritableKeyPath<ProgramChoices, Value>) {
      rest[keyPath: choice] = nominal[keyPath: choice]
    }
    let isPacked = inputs.segments.contains { $0.count < shape.length }
    if inputs.g?.entries.allSatisfy({ $0 == 0 }) ?? true {
      reset(\.gate)
      reset(\.gateRestarts)
      reset(\.gateRestartsInBlocks)
      reset(\.decaysGram)
      reset(\.backward.scalesGateCotangent)
      reset(\.backward.gateRowsReach)
      reset(\.backward.gateSum)
      reset(\.backward.gateSumRestarts)
    }
    if shape.groupSize == 1 || shape.heads == 1 {
      reset(\.keysByModulo)
      reset(\.wByModulo)
      reset(\.βByModulo)
      reset(\.backward.summedByModulo)
    }
    if shape.groupSize == 1 { reset(\.backward.overwritten) }
    if !isPacked {
      reset(\.segments)
      reset(\.gateRestarts)
      reset(\.backward.gateSumRestarts)
    }
    if attentionCase.lseCotangent == nil { reset(\.backward.usesLogSumExpCotangent) }
    var changes = [inputChange != nil, outputChange != nil]
    if shape.keyDim == shape.valueDim {
      if case .valuesWithKeyStride = inputChange { changes[0] = false }
      if case .valueGradientWithKeyStride = outputChange { changes[1] = false }
    }
    return rest == nominal && !changes.contains(true)
  }
}
