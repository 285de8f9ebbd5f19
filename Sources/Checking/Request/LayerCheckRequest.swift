import PathAttention
import Problems

/// What is to be checked, and how it is to be read.
public struct LayerCheckRequest: Sendable {
  /// The file with parameters, x and outputs.
  public var file: String
  /// The factor of the logits; otherwise that of the metadata, otherwise 1/√(lanes per head).
  public var scale: Double?
  /// The gate convention; otherwise that of the metadata, otherwise scaled.
  public var gate: GateConvention?
  /// What is added to the mean square when q and k are normalised; otherwise that of the metadata, otherwise 10⁻⁵.
  public var normEpsilon: Double?
  /// How much memory the check may take, which is estimated before any of it is taken; anything when nil.
  public var memoryLimit: MemoryLimit?

  /// A request with everything else left to the file.
  public init(
    file: String, scale: Double? = nil, gate: GateConvention? = nil, normEpsilon: Double? = nil,
    memoryLimit: MemoryLimit? = nil
  ) {
    self.file = file
    self.scale = scale
    self.gate = gate
    self.normEpsilon = normEpsilon
    self.memoryLimit = memoryLimit
  }
}
