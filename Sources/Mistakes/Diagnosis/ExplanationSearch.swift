import Judging
import NumberFormats
import PathAttention

/// The search for what explains a candidate.
package struct ExplanationSearch {
  let comparisons: VariantComparisons
  /// The candidate's errors against the definition.
  package let nominal: [AttentionTensor: Double]
  /// The tensors that fail.
  package let failing: [AttentionTensor]

  /// What is known of the tensors that fail.
  ///
  /// One variant for everything is the best explanation. Otherwise each tensor is explained by itself: by a change of the
  /// whole tensor, or by a variant that does not contradict the tensors that pass. Of one that could not be compared with all
  /// variants, that is what is said.
  ///
  /// - Parameter transforms: The errors of a tensor against the definition after changes of the whole tensor, in words.
  package func diagnosis(
    transforms: (AttentionTensor) -> [(words: String, multiple: Double)]
  ) -> Diagnosis {
    let passing = comparisons.tensors.filter { !failing.contains($0) }
    let whole = comparisons.all.filter { $0.fits(comparisons.tensors) && $0.isVisible }
    let tensors = failing.map { tensor in
      let reason = comparisons.reasonNotCompared(tensor)
      if !whole.isEmpty, reason == nil { return report(tensor, whole) }
      let changes = transforms(tensor).filter { Verdict.tolerates($0.multiple) }
      if let best = changes.min(by: { $0.multiple < $1.multiple }) { return report(tensor, best) }
      if let reason { return report(tensor, notCompared: reason) }
      return report(tensor, comparisons.all.filter { $0.fits(passing + [tensor]) })
    }
    return Diagnosis(variants: comparisons.variants, tensors: tensors, note: comparisons.note)
  }

  private func report(
    _ tensor: AttentionTensor, _ transform: (words: String, multiple: Double)
  ) -> TensorDiagnosis {
    var report = empty(tensor, .transformed)
    report.transform = transform.words
    report.multiple = ReportNumber(transform.multiple)
    return report
  }

  private func report(_ tensor: AttentionTensor, notCompared reason: String) -> TensorDiagnosis {
    var report = empty(tensor, .notCompared)
    report.reason = reason
    return report
  }

  private func report(
    _ tensor: AttentionTensor, _ fitting: [VariantComparisons.Comparison]
  ) -> TensorDiagnosis {
    // With few enough blocks some mistakes of blocks are mistakes that need none, and then are called that.
    let simplest = fitting.filter { $0.blockSize == nil }
    let fitting = simplest.isEmpty ? fitting : simplest
    let ids = fitting.map(\.variant.id).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    var report = empty(tensor, ids.isEmpty ? .unknown : ids.count == 1 ? .variant : .ambiguous)
    report.variants = ids
    if ids.count == 1 {
      let sizes = fitting.compactMap(\.blockSize)
      report.blockSizes = sizes.isEmpty ? nil : sizes
    }
    report.multiple = fitting.compactMap { $0.errors[tensor] }.min().map(ReportNumber.init)
    if ids.isEmpty {
      // By the whole tensor: its worst row may be off for a reason of its own.
      let nearest = comparisons.all.filter { $0.residualShare[tensor].map { $0 < 0.5 } ?? false }
        .min { $0.residualShare[tensor]! < $1.residualShare[tensor]! }
      report.nearest = nearest?.variant.id
      report.nearestMultiple = nearest.map { ReportNumber($0.errors[tensor]!) }
      report.nearestLeaves = nearest.map { ReportNumber($0.residualShare[tensor]!) }
    }
    return report
  }

  private func empty(_ tensor: AttentionTensor, _ outcome: TensorDiagnosis.Outcome) -> TensorDiagnosis {
    TensorDiagnosis(
      name: tensor.rawValue, outcome: outcome, variants: [], nominal: ReportNumber(nominal[tensor]!),
      tried: comparisons.variants)
  }
}
