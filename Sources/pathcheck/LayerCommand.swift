import ArgumentParser
import Checking
import Foundation
import PathAttention
import Reports

/// `pathcheck layer`: the paths of a layer against the reference and each other.
struct LayerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layer",
    abstract: "Compare the full pass, prefill and decoding of another implementation's layer with the reference.",
    discussion: """
      FILE is a safetensors file with

        param.NAME                the parameters, by their names in flash-linear-attention's state dict: q_proj.weight, \
      k_proj.weight, v_proj.weight, w_proj.weight or w_proj.0.weight and w_proj.1.weight, w_conv1d.weight, w_conv1d.bias, \
      bt_proj.weight, bt_proj.bias, g_proj.weight, g_proj.bias, maybe_q_norm.weight, maybe_k_norm.weight, o_proj.weight
        x [B,T,hidden]            what the layer is given

      and any of the outputs

        out_full [B,T,hidden]     all tokens at once (with cu_seqlens [N+1] and B = 1: packed sequences)
        out_prefill [B,P,hidden]  the first P tokens
        out_decode_TOKEN [B,M,hidden]  M tokens (usually one) from token TOKEN on, on top of the prefill's cache

      Which options the layer has follows from which parameters are there. The reference goes every path itself in Float64. \
      An output passes up to four times the error that the reference makes when everything between two stages is rounded to \
      the coarsest dtype of the file, and is marginal up to eight times. An output that fails is compared with the known \
      disagreements of implementations, and the one that explains it is named.

      Metadata strings of the file that count: scale, norm_eps (numbers), gate (scaled or unscaled), case (a name).
      """)

  @Argument(help: "The safetensors file with parameters, x and outputs.")
  var file: String

  @OptionGroup var logits: LogitOptions

  @Option(
    parsing: .unconditional,
    help: "What is added to the mean square when q and k are normalised. Default: the file's metadata, else 1e-5.")
  var normEpsilon: Double?

  @OptionGroup var memory: MemoryOptions

  @OptionGroup var verdict: VerdictOptions

  @OptionGroup var output: ReportOptions

  func validate() throws {
    if let normEpsilon, !(normEpsilon >= 0 && normEpsilon.isFinite) {
      throw ValidationError("--norm-epsilon must be finite and not negative, found \(normEpsilon)")
    }
  }

  func run() throws {
    var reports = try output.reports(inputs: [file])
    let report: LayerCheckReport
    do {
      report = try checkLayer(
        LayerCheckRequest(
          file: file, scale: logits.scale, gate: logits.gate, normEpsilon: normEpsilon,
          memoryLimit: memory.limit))
    } catch {
      throw Failure("\(error)")
    }
    reports.print(LayerTable(report).text)
    reports.write("--json") { try Data(json: report) }
    try reports.finish()
    try verdict.end(report.verdict, isUnjudged: report.isUnjudged)
  }
}
