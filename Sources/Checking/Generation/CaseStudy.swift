import Judging
import Mistakes
import PathAttention
import Problems

/// Which variants a stored case shows, in multiples of the honest error of an implementation in its dtype.
struct CaseStudy: Sendable {
  /// What a difference must be to count: this many times the envelope.
  static let requiredMultiple = 10.0

  /// The definition, then every variant at every block size.
  private let computed: [Computed]
  private let envelope: Envelope

  private struct Computed: Sendable {
    let variant: String
    let tensors: [AttentionTensor: [Double]]
  }

  /// Runs every variant of the catalogue on the case.
  ///
  /// - Complexity: One forward and backward pass per variant and block size; they run in parallel.
  init(_ stored: StoredCase, onProgress: @escaping @Sendable (Double) -> Void) throws(AttentionError) {
    let format = stored.elementType.format!
    // A kernel of which the block size is known.
    var profile = NumericsProfile.usual(for: format)
    profile.blockSize = Envelope.usualBlockSize
    envelope = try Envelope(
      stored.attentionCase, reference: stored.reference, profile: profile, activation: format,
      formats: stored.reference.keys.reduce(into: [:]) { formats, tensor in
        formats[tensor] = StoredCase.elementType(of: tensor, stored.elementType).format
      })
    let gallery = try VariantGallery(
      stored.attentionCase, blockSizes: stored.generated.blockSizes, largestWork: .max)
    // A gallery also has one block for all, in which many variants are the same; that is no size in play.
    let sizes = Set(stored.generated.blockSizes)
    let inPlay = gallery.entries.indices.filter { index in
      gallery.entries[index].blockSize.map(sizes.contains) ?? true
    }
    let results = try concurrentMap(inPlay, onProgress: onProgress) {
      index throws(AttentionError) in try gallery.results(index)
    }
    computed =
      [Computed(variant: Self.definition, tensors: stored.reference)]
      + zip(inPlay, results).map { Computed(variant: gallery.entries[$0].variant.id, tensors: $1) }
  }

  /// What the definition is called among variants.
  package static let definition = VariantCatalogue.nominal.id

  /// The variants that differ enough from the definition at every block size that they were run with.
  var shown: Set<String> {
    let hidden = computed.dropFirst().filter { separation(of: $0, from: computed[0]) < Self.requiredMultiple }
    return Set(computed.dropFirst().map(\.variant)).subtracting(hidden.map(\.variant))
  }

  /// For each pair of variants that were run, the definition among them, how far they are apart at the block sizes at which
  /// they are nearest to each other: exact below `requiredMultiple`, at least that above. O(variants² · entries).
  var separations: [VariantPair: Double] {
    let rows = concurrentMap(Array(computed.indices)) { first in
      var row: [VariantPair: Double] = [:]
      for second in computed[..<first] where second.variant != computed[first].variant {
        let pair = VariantPair(computed[first].variant, second.variant)
        row[pair] = min(row[pair] ?? .infinity, separation(of: computed[first], from: second))
      }
      return row
    }
    return rows.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: min) }
  }

  /// The largest multiple of the envelope over the tensors; not looked for further once it is large enough.
  private func separation(of a: Computed, from b: Computed) -> Double {
    var largest = 0.0
    for tensor in AttentionTensor.allCases {
      switch (a.tensors[tensor], b.tensors[tensor]) {
      case (let x?, let y?):
        let (x, y) = withoutEqualInfinities(x, y)
        largest = max(largest, envelope.multiple(of: x, against: y, tensor: tensor))
      case (nil, nil): continue
      default: return .infinity
      }
      if largest >= Self.requiredMultiple { break }
    }
    return largest
  }
}

/// Two variants, in either order.
struct VariantPair: Hashable, Sendable {
  package let first: String
  package let second: String

  init(_ a: String, _ b: String) { (first, second) = a < b ? (a, b) : (b, a) }
}
