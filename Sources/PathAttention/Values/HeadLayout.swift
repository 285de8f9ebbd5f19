/// The heads of a problem, whatever tokens it has.
public struct HeadLayout: Sendable, Hashable {
  /// The number of query heads.
  public var queryHeads: Int
  /// The number of key/value heads.
  public var heads: Int
  /// Lanes of keys.
  public var keyDim: Int
  /// Lanes of values.
  public var valueDim: Int
  /// Whether there is a gate.
  public var gated: Bool

  /// A layout; checked when something is made with it.
  public init(queryHeads: Int, heads: Int, keyDim: Int, valueDim: Int, gated: Bool) {
    self.queryHeads = queryHeads
    self.heads = heads
    self.keyDim = keyDim
    self.valueDim = valueDim
    self.gated = gated
  }

  /// Checks that the sizes make sense and that the query heads can be shared out.
  func validate() throws(AttentionError) {
    for (name, size) in [
      ("queryHeads", queryHeads), ("heads", heads), ("keyDim", keyDim), ("valueDim", valueDim),
    ] where size < 1 {
      throw .size(name: name, found: size)
    }
    guard queryHeads % heads == 0 else { throw .heads(queryHeads: queryHeads, heads: heads) }
  }
}

extension HeadLayout: CustomStringConvertible {
  /// Like `HQ 4, H 2, K 64, V 64, no gate`.
  public var description: String {
    "HQ \(queryHeads), H \(heads), K \(keyDim), V \(valueDim), \(gated ? "a gate" : "no gate")"
  }
}

extension AttentionInputs {
  /// The heads of these inputs.
  public var headLayout: HeadLayout {
    HeadLayout(
      queryHeads: shape.queryHeads, heads: shape.heads, keyDim: shape.keyDim, valueDim: shape.valueDim, gated: g != nil)
  }
}
