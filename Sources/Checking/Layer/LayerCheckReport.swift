import Judging
import Mistakes
import NumberFormats
import PathAttention

/// The result of checking a layer. Encoded, it is the JSON of `pathcheck layer --json`: fields are added, never renamed.
public struct LayerCheckReport: Sendable, Codable {
  /// The worst verdict of the outputs.
  public var verdict: Verdict
  /// The name of the case.
  public var `case`: String
  /// The layer, as its parameters tell it.
  public var layer: LayerConfiguration
  /// What the reference was computed with.
  public var options: Options
  /// One entry for every output of the candidate.
  public var tensors: [TensorReport]
  /// The candidate's paths against each other, where they have tokens in common.
  public var consistency: [ConsistencyReport]
  /// Sentences that name what explains the failures.
  public var diagnosis: [String]
  /// How the file was read.
  public var notes: [String]

  /// What the reference was computed with.
  public struct Options: Sendable, Codable {
    /// The factor of the logits.
    public var scale: Double
    /// The gate convention, whether or not there is a gate.
    public var gate: GateConvention
    /// The form that computed the reference.
    public var form: String
    /// The format whose rounding between stages sets the limits, like `bfloat16`.
    public var format: String
  }

  /// Two outputs of the candidate for the same tokens.
  public struct ConsistencyReport: Sendable, Codable {
    /// The names of the two.
    public var tensors: [String]
    /// ‖second − first‖₂ / ‖first‖₂ over the tokens they share.
    public var rmsRatio: ReportNumber
    /// Up to which they agree: what passes of the one that may be off by more; if one of the two fails, what passes of that one.
    public var limit: Double
    /// Whether they agree.
    public var agrees: Bool
  }

  /// Whether the verdict is fail only because some output could not be judged at all.
  public var isUnjudged: Bool { tensors.areUnjudged(verdict) }
}
