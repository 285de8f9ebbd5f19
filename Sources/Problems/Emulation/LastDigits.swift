import PathAttention

/// Moves the last digit of numbers at random.
///
/// Nobody computes from inputs more exactly than from inputs that are off by one rounding of an accumulator. A form, on the
/// other hand, may: where reflections are projections onto what all w have in common, or one key has all the weight, its
/// numbers cancel to the last digit, and in another order of the same operations they do not. Starting from other last
/// digits, none do.
package struct LastDigits {
  /// u: by which part of itself a number is moved at most.
  package let unit: Double
  private var random: SeededGenerator

  package init(unit: Double, seed: UInt64) {
    self.unit = unit
    random = SeededGenerator(seed: seed, part: "last digits")
  }

  /// The case with inputs and cotangent that are moved.
  package mutating func moved(_ attentionCase: AttentionCase) throws(AttentionError) -> AttentionCase {
    var moved = attentionCase
    moved.inputs = try attentionCase.inputs.map { self.moved($1) }
    moved.outputCotangent = attentionCase.outputCotangent.map { self.moved($0) }
    return moved
  }

  /// Every number x somewhere between x (1 − u) and x (1 + u).
  package mutating func moved(_ entries: [Double]) -> [Double] {
    entries.map { $0 * (1 + unit * random.uniform(-1...1)) }
  }
}
