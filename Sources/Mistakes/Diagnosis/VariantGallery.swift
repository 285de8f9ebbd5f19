import PathAttention
import Problems

/// Every variant of the catalogue at every block size in question, on one case: what candidates are compared with.
public struct VariantGallery: Sendable {
  /// One variant at one block size.
  package struct Entry: Sendable {
    package let variant: Variant
    /// Nil if the variant does not depend on it.
    package let blockSize: Int?

    /// Variants that do not depend on it are fastest with blocks of about as many rows as there are lanes.
    var usedBlockSize: Int { blockSize ?? usualBlockSize }

    package func evaluate(_ attentionCase: AttentionCase) throws(AttentionError) -> [AttentionTensor: [Double]] {
      try variant.evaluate(attentionCase, blockSize: usedBlockSize)
    }
  }

  /// What is to be explained, and what of it the variants are run on.
  package let attentionCase: AttentionCase
  package let part: VariantSubset
  package let entries: [Entry]
  /// Over how many logits, of all variants together, a problem is compared of which only a part is studied.
  package let largestWholeWork: Int
  private let kept: [[AttentionTensor: [Double]]]?

  /// The block sizes that variants of blocks are tried with, besides one block for all.
  public static let blockSizes = [16, 32, 64, 128]

  /// The most logits, Σ L² · HQ, over which each variant is run.
  public static let largestWork = 1 << 19

  /// The most logits, of all variants together, over which those are run that the part does not rule out.
  public static let largestWholeWork = 1 << 28

  /// The longest segment in which they are run then: each takes a dozen matrices of L × L.
  static let longestWholeSegment = 1024

  /// Chooses what is run.
  ///
  /// - Parameters:
  ///   - attentionCase: The inputs, and do if gradients are to be compared.
  ///   - blockSizes: The block sizes to try.
  ///   - largestWork: Of a problem with more logits a part is studied first.
  ///   - largestWholeWork: Then all of it, with the variants that are left, if they have at most so many logits together.
  ///   - keepsResults: Whether the variants are run now, for several candidates, instead of for each one anew. It takes
  ///     the memory of all outputs and gradients, some hundred times.
  /// - Throws: `AttentionError` when a cotangent does not have the size that the inputs ask for.
  public init(
    _ attentionCase: AttentionCase, blockSizes: [Int] = VariantGallery.blockSizes,
    largestWork: Int = VariantGallery.largestWork, largestWholeWork: Int = VariantGallery.largestWholeWork,
    keepsResults: Bool = false
  ) throws(AttentionError) {
    self.attentionCase = attentionCase
    self.largestWholeWork = largestWholeWork
    let part = try VariantSubset(attentionCase, largestWork: largestWork)
    self.part = part
    let longest = part.attentionCase.inputs.segments.map(\.count).max() ?? 0
    // One size stands for all that are longer than every segment.
    let single = blockSizes.filter { $0 > longest }.min() ?? longest + 1
    let sizes = blockSizes.filter { $0 <= longest } + [single]
    let entries = VariantCatalogue.all.filter { variant in
      Self.isDistinct(variant, attentionCase)
        && (attentionCase.outputCotangent != nil || !variant.changesOnlyGradients)
    }.flatMap { variant -> [Entry] in
      guard variant.dependsOnBlockSize else { return [Entry(variant: variant, blockSize: nil)] }
      return sizes.filter { $0 <= longest || variant.minimumBlocks == 1 }
        .map { Entry(variant: variant, blockSize: $0) }
    }
    self.entries = entries
    kept =
      keepsResults
      ? try concurrentMap(entries) { entry throws(AttentionError) in try entry.evaluate(part.attentionCase) } : nil
  }

  /// Whether a variant is neither the definition nor another variant, where the gate enters as it does.
  func isDistinct(_ variant: Variant) -> Bool { Self.isDistinct(variant, attentionCase) }

  private static func isDistinct(_ variant: Variant, _ attentionCase: AttentionCase) -> Bool {
    let hasScaledGate = attentionCase.inputs.g != nil && attentionCase.function.gate == .scaled
    return !variant.isNominal(attentionCase.function.gate) && (hasScaledGate || !variant.scalesAllButTheGate)
  }

  /// What an entry computes for the part.
  package func results(_ index: Int) throws(AttentionError) -> [AttentionTensor: [Double]] {
    if let kept { return kept[index] }
    return try entries[index].evaluate(part.attentionCase)
  }

  /// The block size of variants that do not depend on it.
  package static let usualBlockSize = 64
}
