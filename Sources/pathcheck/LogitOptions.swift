import ArgumentParser
import PathAttention

/// What logits are made with, where it is not as the file says.
struct LogitOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How the gate enters: scaled · scale·(c_i − c_j) (flash-linear-attention) or unscaled · c_i − c_j (FoX paper), "
        + "with c the cumulative sum of g. Default: the file's metadata, else scaled."))
  var gate: GateConvention?

  @Option(
    parsing: .unconditional,
    help: "The factor of the logits. Default: the file's metadata, else 1/√K (K: lanes of q and k).")
  var scale: Double?

  func validate() throws {
    if let scale, !scale.isFinite { throw ValidationError("--scale must be finite, found \(scale)") }
  }
}

extension GateConvention: ExpressibleByArgument {}
