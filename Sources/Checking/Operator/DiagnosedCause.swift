import Judging
import Mistakes
import PathAttention

extension Diagnosis {
  /// Adds what the verdicts and identities together say of tensors that no variant explains.
  mutating func addCause(_ reports: [TensorReport], _ identities: [IdentityReport]) {
    guard !tensors.contains(where: { $0.outcome == .variant || $0.outcome == .ambiguous }) else { return }
    let verdicts = Dictionary(
      uniqueKeysWithValues: reports.compactMap { report in
        AttentionTensor(rawValue: report.name).map { ($0, report.verdict) }
      })
    cause = ScoreCotangent.sentence(verdicts, identities)
  }
}
