/// What is wrong with the arguments of an entry point of this module.
public enum AttentionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A size is not positive, or negative where zero is allowed.
  case size(name: String, found: Int)
  /// The query heads cannot be shared out evenly among the key/value heads.
  case heads(queryHeads: Int, heads: Int)
  /// The tensors of these sizes could not be addressed.
  case tooLarge(AttentionShape)
  /// A tensor has the wrong number of entries.
  case count(tensor: String, expected: Int, found: Int)
  /// Segment boundaries do not rise from 0 to the number of tokens.
  case segments(String)
  /// A number is NaN or infinite.
  case notFinite(tensor: String, index: Int, value: String)
  /// A row of the outputs is needed that was not asked for when they were computed.
  case notComputed(token: Int, head: Int)
  /// An option has a value that makes no sense.
  case option(name: String, expected: String, found: String)
  /// The parameters of a layer are not those that its configuration asks for.
  case parameters(missing: [String], unexpected: [String])
  /// Inputs do not continue what a cache holds.
  case cache(expected: String, found: String)

  /// One line that names the argument, what was expected and what was found.
  public var description: String {
    switch self {
    case .size(let name, let found):
      "\(name) must be \(name == "length" || name == "batch" ? "zero or more" : "at least 1"), found \(found)"
    case .heads(let queryHeads, let heads):
      "the number of query heads must be a multiple of the number of key/value heads, found \(queryHeads) and \(heads)"
    case .tooLarge(let shape):
      "the sizes are too large together: batch \(shape.batch), length \(shape.length), queryHeads \(shape.queryHeads), "
        + "keyDim \(shape.keyDim), valueDim \(shape.valueDim)"
    case .count(let tensor, let expected, let found):
      "tensor '\(tensor)' must have \(expected) entries, found \(found)"
    case .segments(let found):
      "cu_seqlens must start at 0, never fall, and end at the number of tokens, with batch 1: \(found)"
    case .notFinite(let tensor, let index, let value):
      "tensor '\(tensor)' must be finite, found \(value) at entry \(index)"
    case .notComputed(let token, let head):
      "the outputs of token \(token), query head \(head), have a cotangent but were not computed (see queryTokens)"
    case .option(let name, let expected, let found):
      "option '\(name)' must be \(expected), found \(found)"
    case .parameters(let missing, let unexpected):
      [("missing", missing), ("not expected", unexpected)].filter { !$1.isEmpty }
        .map { "\($0): \($1.sorted().joined(separator: ", "))" }.joined(separator: "; ")
    case .cache(let expected, let found):
      "the inputs must continue a cache of \(expected), found \(found)"
    }
  }
}
