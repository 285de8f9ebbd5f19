import Judging
import LinearAlgebra
import Mistakes
import PathAttention
import Problems

/// The result of a cross-check. Encoded, it is the JSON of `pathcheck check --json`: fields are added, never renamed.
public struct CrossCheckReport: Sendable, Codable {
  /// The worst verdict of the tensors and intermediates.
  public var verdict: Verdict
  /// The name of the case.
  public var `case`: String
  /// The sizes.
  public var shape: ReportShape
  /// What the reference was computed with.
  public var options: Options
  /// What counts as an honest error.
  public var profile: Profile
  /// Whether the reference can be trusted; absent where β‖w‖² stays in [0, 2], and it can.
  public var baseline: BaselineReport?
  /// One entry for every output of the candidate.
  public var tensors: [TensorReport]
  /// One entry for every intermediate result that the candidate handed over; absent if there are none.
  public var intermediates: [TensorReport]?
  /// The steps that are wrong although what they are computed from is right; absent if nothing fails.
  public var firstWrongStages: [WrongStage]?
  /// Identities between the candidate's own gradients, for those that are there.
  public var identities: [IdentityReport]
  /// What the tensors that fail are instead, as far as is known; absent if none fails or nobody asked.
  public var diagnosis: Diagnosis?
  /// What these inputs could not have shown; absent if a tensor fails or nobody asked.
  public var blindSpots: [BlindSpot]?
  /// What may make the result less certain.
  public var warnings: [String]
  /// How the files were read.
  public var notes: [String]

  /// What the reference was computed with.
  public struct Options: Sendable, Codable {
    /// The factor of the logits.
    public var scale: Double
    /// The gate convention, whether or not there is a gate.
    public var gate: GateConvention
    /// Whether there is a gate.
    public var gated: Bool
    /// The form that computed the reference.
    public var form: String
    /// How many query rows were judged; absent when all were.
    public var rows: Int?
    /// Rows per block of the candidate, where its file says so; patterns are described in blocks of this size, otherwise of
    /// the profile's.
    public var blockSize: Int?
  }

  /// The numerics profile, and how the envelope was estimated from it.
  public struct Profile: Sendable, Codable {
    /// Its name.
    public var name: String
    /// What it stands for.
    public var note: String?
    /// What it calls activation: the coarsest format that q, k, v and do are stored in.
    public var activation: String
    /// Rows per block, as far as is known; 64 where nobody says it.
    public var blockSize: Int
    /// The block sizes that were sampled: that one where it is known, otherwise several, and the envelope is the largest.
    public var blockSizes: [Int]
    /// How many runs with random rounding, over all block sizes.
    public var runs: Int
    /// Where their random numbers start.
    public var seed: UInt64
  }
}

extension CrossCheckReport.Profile {
  /// How the envelope was sampled, in words.
  public var sampling: String {
    let sizes = blockSizes.map(String.init)
    let blocks =
      sizes.count == 1
      ? "blocks of \(sizes[0])"
      : "the largest over blocks of \(sizes.dropLast().joined(separator: ", ")) and \(sizes.last!), since nobody says "
        + "which (see --block-size)"
    return "\(blocks), \(runs) runs from seed \(seed)"
  }
}

extension CrossCheckReport {
  /// Rows per block of the candidate, as far as is known.
  package var blockSize: Int { options.blockSize ?? profile.blockSize }

  /// Everything that was judged: the outputs, then the intermediate results.
  public var judged: [TensorReport] { tensors + (intermediates ?? []) }

  /// Whether the verdict is fail only because some tensor could not be judged at all.
  public var isUnjudged: Bool { judged.areUnjudged(verdict) }
}
