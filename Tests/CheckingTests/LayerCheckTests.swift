import Checking
import Foundation
import LinearAlgebra
import Mistakes
import NumberFormats
import PathAttention
import Problems
import TensorFiles
import Testing

/// Candidates that go the paths of a layer with a known disagreement, and what the check says of them.
@Suite struct LayerCheckTests {
  static let everything = LayerConfiguration(
    hiddenSize: 32, queryHeads: 4, heads: 2, reflectionRank: 8, hasForgetGate: true, hasQueryKeyNorm: true)

  /// Writes what a layer with a disagreement computes in a format, and checks the file.
  private func check(
    _ variant: LayerVariant?, _ configuration: LayerConfiguration = everything, _ elementType: ElementType,
    steps: [Int] = [20, 21, 22], prefilled: Int = 20, valueScale: Double = 1,
    change: (inout [Double], _ name: String) -> Void = { _, _ in },
    changeCache: (inout LayerCache<Double>) -> Void = { _ in }
  ) throws -> LayerCheckReport {
    let format: NumberFormat = [.float64: .float64, .float32: .float32, .float16: .float16, .bfloat16: .bfloat16][
      elementType]!
    var random = SeededGenerator(seed: 61, part: "layer")
    // Weights three times as large as at the start make logits that tell one token from another.
    let start = try LayerParameters<Double>(configuration, using: &random)
    let entries = start.tensors.map { tensor in
      let scale = tensor.parameter == .value ? 3 * valueScale : 3
      return (tensor.parameter.rawValue, tensor.entries.map { format.round(scale * $0) })
    }
    let parameters = try LayerParameters<Double>(configuration, entries: Dictionary(uniqueKeysWithValues: entries))
    let (batch, length, hidden) = (2, 24, configuration.hiddenSize)
    let x = (0..<batch * length * hidden).map { _ in format.round(random.normal()) }

    let folder = FileManager.default.temporaryDirectory.appending(path: "layer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "layer.safetensors").path
    var file = TensorFileWriter(metadata: ["gate": "scaled", "case": "sample"])
    try parameters.add(to: &file, prefix: "param.", as: elementType)
    try file.add("x", shape: [batch, length, hidden], x, as: elementType)
    var layer = PathLayer(parameters, execution: AttentionExecution(form: .sequentialProduct))
    if valueScale == 1 { layer.roundStored = { format.round($0) } }
    let paths = LayerPaths(layer: layer, variant: variant)
    func input(_ tokens: Range<Int>) throws -> LayerInput<Double> {
      let rows = (0..<batch).flatMap {
        x[($0 * length + tokens.lowerBound) * hidden..<($0 * length + tokens.upperBound) * hidden]
      }
      return try LayerInput(batch: batch, length: tokens.count, hiddenSize: hidden, x: rows)
    }
    func add(_ name: String, _ tokens: Int, _ y: Matrix<Double>) throws {
      var entries = y.entries
      change(&entries, name)
      try file.add(name, shape: [batch, tokens, hidden], entries, as: elementType)
    }
    try add("out_full", length, paths.full(input(0..<length)))
    var (y, cache) = try paths.prefill(input(0..<prefilled))
    changeCache(&cache)
    try add("out_prefill", prefilled, y)
    for token in prefilled..<24 {
      y = try paths.step(input(token..<token + 1), &cache)
      if steps.contains(token) { try add("out_decode_\(token)", 1, y) }
    }
    try file.write(to: path)
    return try checkLayer(LayerCheckRequest(file: path))
  }

  private func variant(_ disagreement: LayerDisagreement, _ paths: LayerPath...) -> LayerVariant {
    LayerVariant(disagreement: disagreement, paths: Set(paths))
  }

  @Test("A candidate that does as the layer does passes in every format and with every option")
  func honest() throws {
    var plain = LayerConfiguration(hiddenSize: 16, queryHeads: 2, reflectionRank: nil, convolution: nil)
    for configuration in [Self.everything, plain] {
      for type in [ElementType.float64, .float32, .float16, .bfloat16] {
        let report = try check(nil, configuration, type)
        #expect(report.verdict == .pass, "\(report)")
        #expect(report.diagnosis.isEmpty)
        #expect(report.layer == configuration)
        #expect(
          report.tensors.map(\.name) == ["out_full", "out_prefill", "out_decode_20", "out_decode_21", "out_decode_22"])
        #expect(report.consistency.count == 4 && report.consistency.allSatisfy(\.agrees))
      }
    }
    plain.convolution = LayerConfiguration.Convolution(width: 5, hasBias: true)
    #expect(try check(nil, plain, .float32).verdict == .pass)
  }

  /// Every known disagreement where it occurs, the outputs that fail and the sentence that names it.
  static let cases: [(LayerDisagreement, Set<LayerPath>, fails: String, says: String)] = [
    (.normMissing, [.prefill, .decode], "out_prefill out_decode", "the q/k norm is missing"),
    (.normMissing, [.decode], "out_decode", "the q/k norm is missing"),
    (.normMissing, [.prefill], "out_prefill out_decode", "the q/k norm is missing"),
    (.normMissing, [.full], "out_full", "the q/k norm is missing"),
    (
      .gateConvention, [.decode], "out_decode",
      "the gate has the other convention (unscaled instead of scaled, or the reverse)"
    ),
    (
      .convolutionStateNotHandedOver, [.decode], "out_decode",
      "the convolution state of the prefill is lost"
    ),
    (.convolutionStateLost, [.decode], "out_decode", "the convolution state is lost at every step"),
    (.keysNotCarried, [.prefill], "out_decode", "the prefill hands out a cache of un-carried keys"),
    (.keysNotUpdated, [.decode], "out_decode", "decoding does not update the cached keys"),
    (.wNormalisedBeforeConvolution, [.full, .prefill, .decode], "out_", "w is normalised before the convolution"),
    (.wNormalisedAcrossHeads, [.full, .prefill, .decode], "out_", "w is normalised across heads"),
    (.wNormalisedAcrossHeads, [.decode], "out_decode", "w is normalised across heads"),
  ]

  @Test("Each known disagreement is seen where it is, and named", arguments: 0..<12, [ElementType.float32, .bfloat16])
  func disagreements(index: Int, elementType: ElementType) throws {
    let (disagreement, paths, fails, says) = Self.cases[index]
    let report = try check(LayerVariant(disagreement: disagreement, paths: paths), Self.everything, elementType)
    let expected = fails.split(separator: " ")
    for tensor in report.tensors {
      let shouldFail = expected.contains { tensor.name.hasPrefix($0) }
      #expect((tensor.verdict == .fail) == shouldFail, "\(tensor)")
      if shouldFail {
        #expect(tensor.explanations!.contains { $0.disagreement == disagreement }, "\(tensor)")
      } else {
        #expect(tensor.verdict == .pass && tensor.explanations!.isEmpty, "\(tensor)")
      }
    }
    #expect(report.verdict == .fail)
    #expect(!report.diagnosis.isEmpty && report.diagnosis.allSatisfy { $0.contains(says) }, "\(report.diagnosis)")
    // Where only some paths have it, the candidate contradicts itself.
    if !paths.contains(.full) { #expect(report.consistency.contains { !$0.agrees }) }
  }

  @Test("The diagnosis says whether it is the step, the cache it stands on, or both that are wrong")
  func places() throws {
    for (paths, sentence) in [
      ([LayerPath.decode], "the q/k norm is missing"),
      ([.prefill], "the q/k norm is missing in the prefill that made the cache"),
      ([.prefill, .decode], "the q/k norm is missing, here and in the prefill that made the cache"),
    ] {
      let report = try check(
        LayerVariant(disagreement: .normMissing, paths: Set(paths)), Self.everything, .float32)
      #expect(report.diagnosis.last == "out_decode_20, out_decode_21, out_decode_22: \(sentence)")
    }
  }

  @Test("One step cannot tell a state lost once from one lost always: both are named")
  func ambiguity() throws {
    let report = try check(variant(.convolutionStateLost, .decode), Self.everything, .float32, steps: [20])
    #expect(
      report.diagnosis == [
        "out_decode_20: the convolution state of the prefill is lost, or the convolution state is lost at every step"
      ])
  }

  @Test("Tokens between the steps of a file are decoded, and several may be in one output")
  func gaps() throws {
    #expect(try check(nil, Self.everything, .float64, steps: [22, 23]).verdict == .pass)
    let report = try check(variant(.keysNotUpdated, .decode), Self.everything, .float64, steps: [23])
    #expect(report.diagnosis == ["out_decode_23: decoding does not update the cached keys"])
  }

  @Test("A disagreement that explains one step and not another, or would change what is right, is not named")
  func contradictions() throws {
    func outputs(_ variant: LayerVariant) throws -> [String: [Double]] {
      var outputs: [String: [Double]] = [:]
      _ = try check(variant, Self.everything, .float32) { entries, name in outputs[name] = entries }
      return outputs
    }
    let gate = try outputs(variant(.gateConvention, .decode))
    let state = try outputs(variant(.convolutionStateNotHandedOver, .decode))
    // Two steps that different disagreements explain: neither explains both.
    let two = try check(nil, Self.everything, .float32, steps: [20, 21]) { entries, name in
      if name == "out_decode_20" { entries = state[name]! }
      if name == "out_decode_21" { entries = gate[name]! }
    }
    #expect(two.diagnosis == ["out_decode_20, out_decode_21: not explained by any known disagreement"])
    // One that is explained, and two that the same disagreement would have changed.
    let one = try check(nil, Self.everything, .float32) { entries, name in
      if name == "out_decode_21" { entries = gate[name]! }
    }
    #expect(one.diagnosis == ["out_decode_21: not explained by any known disagreement"])
    #expect(one.tensors.allSatisfy { $0.explanations!.isEmpty })
  }

  @Test(
    "A convolution state in another order, or on the wrong side after a short prefill, is not called something else")
  func convolutionState() throws {
    for prefilled in [20, 1] {
      for type in [ElementType.float32, .bfloat16] {
        let steps = Array(prefilled..<prefilled + 4)
        let report = try check(
          nil, Self.everything, type, steps: steps, prefilled: prefilled,
          changeCache: { cache in
            cache.history = cache.history.map { history in
              let reversed = (0..<history.rows).reversed().flatMap { row in
                (0..<history.columns).map { history[row, $0] }
              }
              return Matrix(rows: history.rows, columns: history.columns, entries: reversed)
            }
          })
        #expect(report.verdict == .fail)
        #expect(report.diagnosis.allSatisfy { $0.hasSuffix(": not explained by any known disagreement") }, "\(report)")
      }
    }
  }

  @Test("Paths do not agree where one fails by what they are apart")
  func agreement() throws {
    let honest = try check(nil, Self.everything, .bfloat16)
    for excess in [1.05, 1.3, 1.9] {
      let report = try check(nil, Self.everything, .bfloat16) { entries, name in
        guard let index = honest.tensors.firstIndex(where: { $0.name == name }), name.hasPrefix("out_decode") else {
          return
        }
        let factor = 1 + excess * honest.tensors[index].marginalLimit
        entries = entries.map { factor * $0 }
      }
      for (tensor, pair) in zip(report.tensors.dropFirst(), report.consistency) where tensor.path == .decode {
        #expect(tensor.verdict == .fail && !pair.agrees, "\(tensor), \(pair)")
      }
      #expect(report.consistency[0].agrees)
    }
  }

  @Test("What nothing explains is said to be so, and NaN is a failure with its place")
  func unexplained() throws {
    let wrong = try check(nil, Self.everything, .float32) { entries, name in
      if name == "out_prefill" { entries = entries.map { -$0 } }
    }
    #expect(wrong.diagnosis == ["out_prefill: not explained by any known disagreement"])
    let broken = try check(nil, Self.everything, .float32) { entries, name in
      if name == "out_decode_21" { entries[37] = .nan }
      if name == "out_full" { entries[5 * 32 + 3] = .infinity }
    }
    #expect(broken.diagnosis == ["out_full: NaN or infinite entries", "out_decode_21: NaN or infinite entries"])
    #expect(broken.tensors[0].maxAbsAt?.description == "b0 t5 lane 3")
    #expect(broken.tensors[3].maxAbsAt?.description == "b1 t21 lane 5")
    #expect(broken.tensors[3].nonFinite == 1 && broken.tensors[3].rmsRatio.value.isNaN)
    #expect(broken.consistency.map(\.agrees) == [true, true, false, true] || !broken.consistency[2].agrees)
  }

  @Test("Outputs of which honest layers overflow are not judged, whatever is there")
  func overflow() throws {
    let report = try check(nil, Self.everything, .float16, valueScale: 40_000) { entries, _ in
      entries = entries.map { _ in 1 }
    }
    #expect(report.isUnjudged && report.verdict == .fail && report.diagnosis.isEmpty, "\(report)")
    #expect(report.tensors.allSatisfy { $0.isUnjudged && $0.unjudged!.map(\.reason) == [.overflow] })
  }
}
