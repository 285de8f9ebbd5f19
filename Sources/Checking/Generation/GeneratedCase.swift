import PathAttention
import Problems

/// A problem that teaches: its numbers, and what it is for. Not rounded yet.
struct GeneratedCase {
  /// Like `discriminating-packed`: the name of the file, but for the dtype.
  package let name: String
  package let family: CaseFamily
  /// What it is for, in a sentence or two.
  package let purpose: String
  /// Inputs and cotangent of o.
  package var attentionCase: AttentionCase
  /// The block sizes of implementations that it is made for.
  package let blockSizes: [Int]
  /// Where its random numbers start.
  package let seed: UInt64
  /// The line that its numbers follow from alone, if there is one.
  package var problem: Problem?
  /// For o and lse, which entries come out exactly in single precision; empty if none has to.
  package var exactEntries: [AttentionTensor: [Bool]] = [:]

  /// A case that a problem line describes.
  init(
    _ name: String, _ family: CaseFamily, _ purpose: String, _ problem: Problem, scale: Double? = nil,
    blockSizes: [Int]
  ) throws(AttentionError) {
    self.init(
      name, family, purpose,
      AttentionCase(
        try problem.inputs(), scale: scale, gate: problem.convention, outputCotangent: problem.outputCotangent()),
      blockSizes: blockSizes, seed: problem.seed)
    self.problem = problem
  }

  /// A case with numbers of its own.
  init(
    _ name: String, _ family: CaseFamily, _ purpose: String, _ attentionCase: AttentionCase, blockSizes: [Int],
    seed: UInt64
  ) {
    self.name = name
    self.family = family
    self.purpose = purpose
    self.attentionCase = attentionCase
    self.blockSizes = blockSizes
    self.seed = seed
  }
}
