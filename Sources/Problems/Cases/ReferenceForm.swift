import PathAttention

/// Up to this many multiply-adds per pass (HQ · Σ L² · d) the reference is the sequential product, the definition itself;
/// above it the blockwise form.
public let sequentialReferenceLimit = 1 << 30

/// The form that computes the reference when none is asked for.
///
/// - Parameter queryTokens: The tokens whose queries are wanted; all when nil.
package func referenceForm(for inputs: AttentionInputs<Double>, queryTokens: [Int]? = nil) -> AttentionForm {
  let longest = Double(inputs.segments.map(\.count).max() ?? 0)
  let pairs =
    queryTokens.map { Double($0.count) * longest }
    ?? inputs.segments.reduce(0.0) { $0 + Double($1.count) * Double($1.count) }
  let work = pairs * Double(inputs.shape.queryHeads * inputs.shape.keyDim)
  return work <= Double(sequentialReferenceLimit) ? .sequentialProduct : .blockwise()
}
