import PathAttention

/// The order of axes in which the shapes of all tensors of a submission fit together, for messages.
///
/// The first two axes after the batch tell tokens from heads: q says how many tokens there are, in one layout or the other, and
/// the rest follows.
struct LayoutSearch {
  /// The shapes in the file.
  package let shapes: [AttentionTensor: [Int]]

  /// Like `--layout lse=bhtd`: as near to what was asked for as there is; nil if nothing fits, or what was asked for does.
  package func suggestion(insteadOf layout: TensorLayout, _ layouts: [AttentionTensor: TensorLayout]) -> String? {
    for base in [layout, layout.other] {
      guard let exceptions = exceptions(base) else { continue }
      let asked = layouts.filter { $0.value != layout }
      if base == layout, Set(exceptions) == Set(asked.keys) { return nil }
      let order = base == .bthd && !exceptions.isEmpty ? [] : [base.rawValue]
      return "--layout "
        + (order + exceptions.map { "\($0.rawValue)=\(base.other.rawValue)" }).joined(separator: ",")
    }
    return nil
  }

  /// The tensors that are in the other layout, if with those everything fits.
  private func exceptions(_ base: TensorLayout) -> [AttentionTensor]? {
    guard let q = dimensions(.q, base), let k = dimensions(.k, base), let v = dimensions(.v, base) else { return nil }
    let tokens = q[1]
    func heads(_ dimensions: [Int]) -> Int? {
      dimensions[1] == tokens ? dimensions[2] : dimensions[2] == tokens ? dimensions[1] : nil
    }
    guard let keyHeads = heads(k), heads(v) == keyHeads else { return nil }
    let shape = AttentionShape(
      batch: q[0], length: tokens, queryHeads: q[2], heads: keyHeads, keyDim: q[3], valueDim: v[3])
    do { try shape.validate() } catch { return nil }
    var exceptions: [AttentionTensor] = []
    for tensor in AttentionTensor.allCases {
      guard let found = shapes[tensor] else { continue }
      let expected = shape.dimensions(of: tensor)
      if found == base.dimensions(expected) { continue }
      guard found == base.other.dimensions(expected) else { return nil }
      exceptions.append(tensor)
    }
    return exceptions
  }

  private func dimensions(_ tensor: AttentionTensor, _ layout: TensorLayout) -> [Int]? {
    guard let shape = shapes[tensor], shape.count == 4 else { return nil }
    return layout.dimensions(shape)
  }
}
