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

  /// One output of the candidate against the reference.
  public struct TensorReport: Sendable, Codable {
    /// Like `out_prefill`.
    public var name: String
    /// Which path it comes from.
    public var path: LayerPath
    /// As stored, like `BF16`.
    public var dtype: String
    /// For this output alone.
    public var verdict: Verdict
    /// ‖candidate − reference‖₂ / ‖reference‖₂.
    public var rmsRatio: ReportNumber
    /// The largest difference of an entry.
    public var maxAbs: ReportNumber
    /// Where it is; absent for an empty tensor.
    public var maxAbsAt: LayerPlace?
    /// How many entries are NaN or infinite.
    public var nonFinite: Int
    /// The relative RMS error of the reference itself when every stage is rounded to the format; NaN if that overflows.
    public var roundingRatio: ReportNumber
    /// Up to which `rmsRatio` the verdict is pass.
    public var passLimit: Double
    /// Up to which `rmsRatio` the verdict is marginal.
    public var marginalLimit: Double
    /// Known disagreements that explain a failure, the best first.
    public var explanations: [Explanation]
  }

  /// A known disagreement with which the reference gives what the candidate gives.
  public struct Explanation: Sendable, Codable {
    /// Which one.
    public var disagreement: LayerDisagreement
    /// The paths that have it.
    public var paths: [LayerPath]
    /// ‖candidate − reference with the disagreement‖₂ / ‖reference with the disagreement‖₂.
    public var rmsRatio: Double
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
}

/// Where an entry of a layer's output stands.
public struct LayerPlace: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The sequence in the batch.
  public var batch: Int
  /// The token in the sequence.
  public var token: Int
  /// The component of the output.
  public var lane: Int

  /// Like `b0 t17 lane 3`.
  public var description: String { "b\(batch) t\(token) lane \(lane)" }
}
