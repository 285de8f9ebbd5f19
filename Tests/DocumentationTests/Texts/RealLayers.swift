import Foundation
import LinearAlgebra
import Mistakes
import NumberFormats
import PathAttention
import Problems
import TensorFiles

extension GeneratedText {
  /// What the layer in Float64, as it is or changed, makes of real files.
  static let realLayers: [String: @Sendable () throws -> String] = [
    "errors of real layers": errorsOfRealLayers, "conventions of the layer": conventionsOfTheLayer,
  ]

  @Sendable private static func errorsOfRealLayers() throws -> String {
    let (gated, normalised) = (try RealLayer("fla-layer-gate"), try RealLayer("fla-layer-qknorm"))
    let withoutNorm = LayerVariant(disagreement: .normMissing, paths: Set(LayerPath.allCases))
    let rows = [
      ("fla-layer-gate", try gated.errors()), ("fla-layer-qknorm", try normalised.errors()),
      ("the same, without the q/k norm", try normalised.errors(withoutNorm)),
    ]
    return
      (["| file | full | prefill | decode 128 | decode 129 |", "|---|---|---|---|---|"]
      + rows.map { name, errors in "| \(name) | \(errors.map(significant).joined(separator: " | ")) |" })
      .joined(separator: "\n")
  }

  @Sendable private static func conventionsOfTheLayer() throws -> String {
    let layer = try RealLayer("fla-layer-gate")
    func normalised(_ w: Matrix<Double>) -> [Double] {
      HeadNormalisation.length(lanes: layer.parameters.configuration.headDim).apply(to: w).entries
    }
    func variant(_ disagreement: LayerDisagreement) -> LayerVariant {
      LayerVariant(disagreement: disagreement, paths: Set(LayerPath.allCases))
    }
    let rows: [(String, [Double?])] = [
      ("nothing", try layer.errors()),
      (
        "every stage rounded to bf16 (projections, convolution after SiLU, w, β, q and k after their norm, o)",
        try layer.errors(roundStored: { NumberFormat.bfloat16.round($0) })
      ),
      ("gate c_i − c_j instead of scale · (c_i − c_j)", try layer.errors(variant(.gateConvention))),
      (
        "β = σ instead of 2 σ",
        try layer.errorOfFullPass { try $0.inputs.replacing(beta: $0.inputs.beta.entries.map { $0 / 2 }) }
      ),
      (
        "no SiLU after the convolution",
        try layer.errorOfFullPass { try $0.inputs.replacing(w: normalised($0.wConvolved!)) }
      ),
      ("w normalised before the convolution", try layer.errors(variant(.wNormalisedBeforeConvolution))),
      ("w normalised across heads", try layer.errors(variant(.wNormalisedAcrossHeads))),
      ("filters of the convolution reversed", try layer.withReversedFilters().errors()),
      ("convolution state lost at every step", try layer.errors(variant(.convolutionStateLost))),
      ("cached keys left as they are", try layer.errors(variant(.keysNotUpdated))),
    ]
    return
      (["| changed | full | decode 128 | decode 129 |", "|---|---|---|---|"]
      + rows.map { name, errors in
        "| \(name) | \([0, 2, 3].map { errors[$0].map(significant) ?? "–" }.joined(separator: " | ")) |"
      }).joined(separator: "\n")
  }

  /// With two significant digits, in bold where a tenth or more is wrong.
  private static func significant(_ x: Double) -> String {
    let text = decimal(x, x < 0.01 ? 4 : x < 0.1 ? 3 : 2)
    return x < 0.1 ? text : "**\(text)**"
  }
}

/// A file of Fixtures with the parameters of a layer and what it computed on the way over the whole sequence, prefill and
/// two steps.
private struct RealLayer {
  let file: TensorFile
  var parameters: LayerParameters<Double>

  init(_ name: String) throws {
    file = try TensorFile(path: Page.fixture(name))
    parameters = try LayerParameters(file, prefix: "param.")
  }

  /// With the filter of every channel the other way round.
  func withReversedFilters() throws -> Self {
    var layer = self
    let width = parameters.configuration.convolution!.width
    let entries = parameters.tensors.map { parameter, entries -> (String, [Double]) in
      guard parameter == .convolution else { return (parameter.rawValue, entries) }
      return (
        parameter.rawValue,
        stride(from: 0, to: entries.count, by: width).flatMap { entries[$0..<$0 + width].reversed() }
      )
    }
    layer.parameters = try LayerParameters(
      parameters.configuration, entries: Dictionary(uniqueKeysWithValues: entries))
    return layer
  }

  /// The error of the full pass alone, where attention is given other inputs.
  func errorOfFullPass(
    _ change: (LayerProjections<Double>) throws -> AttentionInputs<Double>
  ) throws -> [Double?] {
    let layer = layer(roundStored: nil)
    let o = try attention(change(layer.project(input())), layer.function, layer.execution).o
    return [try error("out_full", layer.output(o.matrix)), nil, nil, nil]
  }

  /// ‖candidate − y‖₂ / ‖y‖₂ of the full pass, the prefill and both steps, where y is what the paths compute.
  func errors(
    _ variant: LayerVariant? = nil, roundStored: (@Sendable (Double) -> Double)? = nil
  ) throws -> [Double] {
    let paths = LayerPaths(layer: layer(roundStored: roundStored), variant: variant)
    let (y, prefilled) = try paths.prefill(input(0..<128))
    var cache = prefilled
    return try [
      error("out_full", paths.full(input())), error("out_prefill", y),
      error("out_decode_128", paths.step(input(128..<129), &cache)),
      error("out_decode_129", paths.step(input(129..<130), &cache)),
    ]
  }

  private func layer(roundStored: (@Sendable (Double) -> Double)?) -> PathLayer<Double> {
    PathLayer(parameters, roundStored: roundStored)
  }

  /// Tokens of every sequence; all of them if none are named.
  private func input(_ tokens: Range<Int>? = nil) throws -> LayerInput<Double> {
    let (shape, x) = (file["x"]!.shape, try file.doubles("x"))
    let tokens = tokens ?? 0..<shape[1]
    let rows = (0..<shape[0]).flatMap {
      x[($0 * shape[1] + tokens.lowerBound) * shape[2]..<($0 * shape[1] + tokens.upperBound) * shape[2]]
    }
    return try LayerInput(batch: shape[0], length: tokens.count, hiddenSize: shape[2], x: rows)
  }

  private func error(_ name: String, _ y: Matrix<Double>) throws -> Double {
    let difference = zip(try file.doubles(name), y.entries).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / y.entries.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
