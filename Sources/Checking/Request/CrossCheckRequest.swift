import Judging
import PathAttention
import Problems

/// What is to be checked, and how it is to be read.
public struct CrossCheckRequest: Sendable {
  /// The file with the inputs, and with the candidate's outputs unless they stand in another.
  public var inputs: String
  /// The file with the candidate's outputs, if it is another.
  public var candidate: String?
  /// The factor of the logits; otherwise that of the metadata, otherwise 1/√d_k.
  public var scale: Double?
  /// The gate convention; otherwise that of the metadata, otherwise scaled.
  public var gate: GateConvention?
  /// The form of the reference; otherwise one by the size of the problem.
  public var form: AttentionForm?
  /// Where the candidate rounds; otherwise what is usual for the coarsest dtype of q, k, v and do.
  public var profile: NumericsProfile?
  /// Rows per block of the candidate; otherwise what a shape or the metadata say, otherwise that of the profile.
  public var blockSize: Int?
  /// The order of the axes in the files.
  public var layout: TensorLayout
  /// The order in tensors where it is another one.
  public var layouts: [AttentionTensor: TensorLayout]
  /// The names that tensors have in the files, where they differ.
  public var names: [AttentionTensor: String]
  /// The names that intermediate results have in the files, where they differ.
  public var stageNames: [Stage: String]
  /// How many query rows are judged, in problems that have more; all when nil.
  public var rows: Int?
  /// Whether the candidate is compared with the known variants, which takes longer than the rest.
  public var studiesVariants: Bool
  /// Whether logits are mapped tile by tile, where there are any: the candidate's own, or those of the one known variant that
  /// it matches. It takes as many runs as the envelope.
  public var mapsLogits: Bool
  /// How much memory the check may take, which is estimated before any of it is taken; anything when nil.
  public var memoryLimit: MemoryLimit?
  /// Called with the fraction of the reference and of the runs that is done.
  public var onProgress: (@Sendable (Double) -> Void)?

  /// A request with everything else left to the files.
  public init(
    inputs: String, candidate: String? = nil, scale: Double? = nil, gate: GateConvention? = nil,
    form: AttentionForm? = nil, profile: NumericsProfile? = nil, blockSize: Int? = nil,
    layout: TensorLayout = .bthd, layouts: [AttentionTensor: TensorLayout] = [:],
    names: [AttentionTensor: String] = [:], stageNames: [Stage: String] = [:], rows: Int? = nil,
    studiesVariants: Bool = true, mapsLogits: Bool = false, memoryLimit: MemoryLimit? = nil,
    onProgress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.inputs = inputs
    self.candidate = candidate
    self.scale = scale
    self.gate = gate
    self.form = form
    self.profile = profile
    self.blockSize = blockSize
    self.layout = layout
    self.layouts = layouts
    self.names = names
    self.stageNames = stageNames
    self.rows = rows
    self.studiesVariants = studiesVariants
    self.mapsLogits = mapsLogits
    self.memoryLimit = memoryLimit
    self.onProgress = onProgress
  }
}
