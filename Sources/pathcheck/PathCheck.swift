import ArgumentParser

/// The command line.
@main
struct PathCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pathcheck",
    abstract: "Checks implementations of PaTH attention against a reference that can be trusted.",
    discussion: """
      PaTH attention (arXiv 2505.16381) encodes position by accumulated Householder reflections made from the input. With \
      row vectors, the logit of query i and key j ≤ i is

        S_ij = scale · q_i H_i H_i−1 … H_j+1 k_jᵀ + gate_ij,    H_t = I − β_t w_tᵀ w_t

      followed by a causal softmax and the product with v. Hand over what your kernel was given and what it computed, in \
      a safetensors file, and read a verdict.

      Exit codes: 0 everything passes, 1 a tensor fails or a statement does not hold, 2 the comparison could not be made or \
      a tensor could not be judged at all, 3 marginal or partly not judged (0 with --accept-marginal), 64 wrong usage, \
      70 an error of the program itself.
      """,
    subcommands: [CheckCommand.self, GenerateCommand.self, LayerCommand.self, VerifyCommand.self, BenchCommand.self])
}
