import PathAttention

/// Every variant of the catalogue at every block size in question, on one case: what candidates are compared with.
public struct VariantGallery: Sendable {
  /// One variant at one block size.
  struct Entry: Sendable {
    let variant: Variant
    /// Nil if the variant does not depend on it.
    let blockSize: Int?
  }

  /// What is to be explained, and what of it the variants are run on.
  let attentionCase: AttentionCase
  let part: StudiedPart
  let entries: [Entry]
  private let kept: [[AttentionTensor: [Double]]]?

  /// The block sizes that variants of blocks are tried with, besides one block for all.
  public static let blockSizes = [16, 32, 64, 128]

  /// The most logits, Σ L² · HQ, over which each variant is run.
  public static let largestWork = 1 << 19

  /// Chooses what is run.
  ///
  /// - Parameters:
  ///   - attentionCase: The inputs, and do if gradients are to be compared.
  ///   - blockSizes: The block sizes to try.
  ///   - largestWork: Of a problem with more logits a part is studied, which diagnoses then say.
  ///   - keepsResults: Whether the variants are run now, for several candidates, instead of for each one anew. It takes
  ///     the memory of all outputs and gradients, some hundred times.
  /// - Throws: `AttentionError` when a cotangent does not have the size that the inputs ask for.
  public init(
    _ attentionCase: AttentionCase, blockSizes: [Int] = VariantGallery.blockSizes,
    largestWork: Int = VariantGallery.largestWork, keepsResults: Bool = false
  ) throws(AttentionError) {
    self.attentionCase = attentionCase
    let part = try StudiedPart(attentionCase, largestWork: largestWork)
    self.part = part
    let longest = part.attentionCase.inputs.segments.map(\.count).max() ?? 0
    // One size stands for all that are longer than every segment.
    let single = blockSizes.filter { $0 > longest }.min() ?? longest + 1
    let sizes = blockSizes.filter { $0 <= longest } + [single]
    let entries = VariantCatalogue.all.filter { variant in
      !variant.isNominal(attentionCase.gate)
        && (attentionCase.outputCotangent != nil || !variant.changesOnlyGradients)
    }.flatMap { variant -> [Entry] in
      guard variant.dependsOnBlockSize else { return [Entry(variant: variant, blockSize: nil)] }
      return sizes.filter { $0 <= longest || variant.minimumBlocks == 1 }
        .map { Entry(variant: variant, blockSize: $0) }
    }
    self.entries = entries
    kept =
      keepsResults
      ? try concurrentMap(entries) { entry throws(AttentionError) in try Self.evaluate(entry, part) } : nil
  }

  /// What an entry computes for the part.
  func results(_ index: Int) throws(AttentionError) -> [AttentionTensor: [Double]] {
    if let kept { return kept[index] }
    return try Self.evaluate(entries[index], part)
  }

  private static func evaluate(
    _ entry: Entry, _ part: StudiedPart
  ) throws(AttentionError) -> [AttentionTensor: [Double]] {
    try entry.variant.evaluate(part.attentionCase, blockSize: entry.blockSize ?? usualBlockSize)
  }

  /// Variants that do not depend on it are fastest with blocks of about as many rows as there are lanes.
  static let usualBlockSize = 64
}
