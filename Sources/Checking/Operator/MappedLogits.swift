import Judging
import Mistakes
import PathAttention

extension LogitTiles {
  /// Those of the logits that the candidate handed over, or of the one variant that it matches, if they are where the mistake
  /// is. Nil if there are none, or too many.
  init?(
    _ submission: Submission, _ judge: JudgedSubmission, _ gallery: VariantGallery?, _ diagnosis: Diagnosis?
  ) throws(AttentionError) {
    if let candidate = submission.stages.first(where: { $0.stage == .logits }),
      LogitTileEnvelope.isDrawable(submission.inputs.shape)
    {
      self = try LogitTileEnvelope(submission.attentionCase, blockSize: judge.blockSize, like: judge.envelope)
        .tiles(candidate.entries, variant: nil, note: nil)
      return
    }
    guard let part = gallery?.part, LogitTileEnvelope.isDrawable(part.attentionCase.inputs.shape),
      let found = diagnosis?.variant, let variant = VariantCatalogue[found.id], !variant.changesOnlyGradients
    else { return nil }
    let blockSize = found.blockSize ?? judge.blockSize
    let logits = try variant.logits(part.attentionCase, blockSize: blockSize)
    let tiles = try LogitTileEnvelope(part.attentionCase, blockSize: blockSize, like: judge.envelope)
      .tiles(logits, variant: variant.id, note: part.note)
    guard tiles.isWrong else { return nil }
    self = tiles
  }
}
