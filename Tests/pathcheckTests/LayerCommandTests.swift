import Checking
import Foundation
import Judging
import LinearAlgebra
import PathAttention
import Problems
import TensorFiles
import Testing

/// `pathcheck layer` as a process: what it prints, what it writes, how it exits.
@Suite struct LayerCommandTests {
  // MARK: A real layer

  /// Relative errors of flash-linear-attention 0.6.0 on an H200, in the order full, prefill, first and second step; they
  /// agree to these digits with a computation in NumPy that shares nothing with this library.
  static let known: [(file: String, errors: [Double], verdicts: [Verdict], status: Int32)] = [
    ("fla-layer-gate", [0.00326, 0.00326, 0.00333, 0.00361], [.pass, .pass, .pass, .pass], 0),
    ("fla-layer-qknorm", [0.0043, 0.44513, 0.49059, 0.49538], [.pass, .fail, .fail, .fail], 1),
  ]

  @Test("Known errors of a real layer are reproduced path by path", arguments: [0, 1])
  func realLayer(index: Int) throws {
    let (file, errors, verdicts, status) = Self.known[index]
    let run = try CommandLine("layer", CommandLine.fixture(file), "--json", "-")
    #expect(run.status == status && run.error.isEmpty)
    let report = try JSONDecoder().decode(LayerCheckReport.self, from: Data(run.output.utf8))
    #expect(report.tensors.map(\.name) == ["out_full", "out_prefill", "out_decode_128", "out_decode_129"])
    for (tensor, (error, verdict)) in zip(report.tensors, zip(errors, verdicts)) {
      #expect(abs(tensor.rmsRatio.value - error) < 6e-6, "\(tensor.name) \(tensor.rmsRatio.value)")
      #expect(tensor.verdict == verdict, "\(tensor.name)")
    }
    #expect(report.verdict == (status == 0 ? .pass : .fail))
    #expect(report.consistency.allSatisfy { $0.agrees == (status == 0) })
  }

  @Test("The report names the q/k norm that prefill and decoding ignore, and how well that explains them")
  func normIsNamed() throws {
    let run = try CommandLine("layer", CommandLine.fixture("fla-layer-qknorm"))
    #expect(run.status == 1)
    #expect(run.output.contains("diagnosis  out_prefill: the q/k norm is missing\n"))
    #expect(
      run.output.contains(
        "out_decode_128, out_decode_129: the q/k norm is missing, here and in the prefill that made the cache\n"))
    #expect(run.output.contains("out_full and out_prefill                   0.44504"))
    #expect(run.output.hasSuffix("verdict    FAIL\n"))
    let report = try checkLayer(LayerCheckRequest(file: CommandLine.fixture("fla-layer-qknorm")))
    for (tensor, left) in zip(report.tensors.dropFirst(), [0.00316, 0.0033, 0.0034]) {
      let best = try #require(tensor.explanations?.first)
      #expect(best.disagreement == .normMissing && abs(best.rmsRatio - left) < 6e-6, "\(tensor)")
    }
  }

  @Test("With the other gate convention the gated layer fails on every path, and the convention is named")
  func otherConvention() throws {
    let run = try CommandLine("layer", CommandLine.fixture("fla-layer-gate"), "--gate", "unscaled")
    #expect(run.status == 1)
    #expect(run.output.contains("out_full: the gate has the other convention"))
    #expect(run.output.contains("out_decode_128, out_decode_129: the gate has the other convention"))
  }

  // MARK: Files of our own

  /// The tensors of a small honest layer in F64, to be spoiled in one place.
  struct Sample {
    var tensors: [(name: String, shape: [Int], entries: [Double])] = []
    var metadata: [String: String] = [:]
    var boundaries: [Int]?

    init(_ configuration: LayerConfiguration = .init(hiddenSize: 8, queryHeads: 2, reflectionRank: 3)) throws {
      var random = SeededGenerator(seed: 3)
      let parameters = try LayerParameters<Double>(configuration, using: &random)
      let (hidden, length) = (configuration.hiddenSize, 6)
      let x = (0..<length * hidden).map { _ in random.normal() }
      for (parameter, entries) in parameters.tensors {
        tensors.append(("param.\(parameter.rawValue)", configuration.dimensions(of: parameter)!, entries))
      }
      let y = try PathLayer(parameters).forward(LayerInput(length: length, hiddenSize: hidden, x: x)).y.entries
      tensors.append(("x", [1, length, hidden], x))
      tensors.append(("out_full", [1, length, hidden], y))
      tensors.append(("out_prefill", [1, 3, hidden], Array(y[..<(3 * hidden)])))
      tensors.append(("out_decode_3", [1, 2, hidden], Array(y[3 * hidden..<5 * hidden])))
    }

    subscript(name: String) -> Int { tensors.firstIndex { $0.name == name }! }

    func check(_ arguments: String...) throws -> CommandLine {
      let folder = try TemporaryFolder()
      let path = folder.file("layer.safetensors")
      var file = TensorFileWriter(metadata: metadata)
      for tensor in tensors { try file.add(tensor.name, shape: tensor.shape, tensor.entries, as: .float64) }
      if let boundaries { try file.add("cu_seqlens", shape: [boundaries.count], boundaries, as: .int64) }
      try file.write(to: path)
      return try CommandLine(["layer", path] + arguments)
    }
  }

  @Test("The library's own layer passes in Float64, with several tokens in one step")
  func ownLayer() throws {
    let run = try Sample().check()
    #expect(run.status == 0, "\(run.output)\(run.error)")
    #expect(
      run.output.contains("hidden 8, HQ 2, H 2, w of rank 3, convolution of width 3, no forget gate, no q/k norm"))
  }

  @Test("Packed sequences are checked on the full pass only")
  func packed() throws {
    var sample = try Sample()
    sample.boundaries = [0, 2, 6]
    var run = try sample.check()
    #expect(run.status == 2 && run.error.contains("absent beside 'out_prefill'"))
    sample.tensors.removeAll { $0.name.hasPrefix("out_") && $0.name != "out_full" }
    run = try sample.check()
    // The outputs are those of one sequence.
    #expect(run.status == 1)
    sample.boundaries = [0, 6]
    #expect(try sample.check().status == 0)
    sample.boundaries = [0, 7]
    #expect(try sample.check().status == 2)
  }

  @Test("Files that cannot be compared exit with 2 and a line that says why")
  func unusable() throws {
    func expectFailure(_ reason: String, _ change: (inout Sample) -> Void) throws {
      var sample = try Sample()
      change(&sample)
      let run = try sample.check()
      #expect(run.status == 2, "\(reason): \(run.output)")
      #expect(run.error.contains(reason) && run.error.split(separator: "\n").count == 1, "\(run.error)")
      #expect(run.output.isEmpty)
    }
    try expectFailure("tensor 'x' is missing") { $0.tensors.remove(at: $0["x"]) }
    try expectFailure("missing: v_proj.weight") { $0.tensors.remove(at: $0["param.v_proj.weight"]) }
    try expectFailure("missing: w_proj.1.weight") { $0.tensors.remove(at: $0["param.w_proj.1.weight"]) }
    try expectFailure("not expected: param.z_proj.weight") { $0.tensors.append(("param.z_proj.weight", [1], [1])) }
    try expectFailure("there is nothing to compare") { $0.tensors.removeAll { $0.name.hasPrefix("out_") } }
    try expectFailure("'param.k_proj.weight' must be finite, found nan at entry 5") {
      $0.tensors[$0["param.k_proj.weight"]].entries[5] = .nan
    }
    try expectFailure("'x' must be finite, found inf at entry 2") { $0.tensors[$0["x"]].entries[2] = .infinity }
    try expectFailure("option 'o_proj.weight' must be of shape [8, 8], found [64, 1]") {
      $0.tensors[$0["param.o_proj.weight"]].shape = [64, 1]
    }
    try expectFailure("tensor 'x' must have shape [batch, token, 8]") { $0.tensors[$0["x"]].shape = [1, 8, 6] }
    try expectFailure("tensor 'out_full' must have shape [1, 6, 8], found [1, 3, 16]") {
      $0.tensors[$0["out_full"]].shape = [1, 3, 16]
    }
    try expectFailure("'out_decode_2' cannot begin at token 2: 'out_prefill' ends with token 2") {
      $0.tensors[$0["out_decode_3"]].name = "out_decode_2"
    }
    for name in ["out_decode_last", "out_decode_03", "out_decode_+3", "out_decode_-3", "out_decode_", "out_decode_3 "] {
      try expectFailure("'\(name)' must end in the number of its first token, written like out_decode_4") {
        $0.tensors[$0["out_decode_3"]].name = name
      }
    }
    try expectFailure("'out_decode_6' cannot begin at token 6: x has 6 tokens, counted from 0") {
      $0.tensors[$0["out_decode_3"]].name = "out_decode_6"
    }
    for name in ["out_decod_3", "Out_Decode_3", "out_fulll", "outdecode_3"] {
      try expectFailure("'\(name)' is not known; outputs are out_full, out_prefill and out_decode_TOKEN") {
        $0.tensors[$0["out_decode_3"]].name = name
      }
    }
    try expectFailure("'params.maybe_q_norm.weight' is not known; parameters are called param.NAME") {
      $0.tensors.append(("params.maybe_q_norm.weight", [1], [1]))
    }
    try expectFailure("'cu_seqlen' is not known; should it be cu_seqlens?") {
      $0.tensors.append(("cu_seqlen", [2], [0, 6]))
    }
    try expectFailure("metadata 'num_heads' must be 2, as the parameters have it, found '4'") {
      $0.metadata["num_heads"] = "4"
    }
    try expectFailure("metadata 'norm_eps' must be a finite number, found 'small'") {
      $0.metadata["norm_eps"] = "small"
    }
    try expectFailure("metadata 'gate' must be scaled or unscaled, found 'none'") { $0.metadata["gate"] = "none" }
    let missing = try CommandLine("layer", "/nonexistent.safetensors")
    #expect(missing.status == 2 && missing.error.contains("there is no such file"))
  }

  @Test("A NaN in the outputs fails, and an empty batch is said to be nothing to compare")
  func edges() throws {
    var sample = try Sample()
    sample.tensors[sample["out_full"]].entries[9] = .nan
    var run = try sample.check()
    #expect(run.status == 1 && run.output.contains("FAIL (1 NaN or infinite)"))
    #expect(run.output.contains("b0 t1 lane 1"))
    sample = try Sample()
    for name in ["x", "out_full", "out_prefill", "out_decode_3"] {
      sample.tensors[sample[name]].shape[0] = 0
      sample.tensors[sample[name]].entries = []
    }
    run = try sample.check()
    #expect(
      run.status == 2 && run.error.contains("there is nothing to compare: tensor 'x' has shape [0, "), "\(run.error)")
  }

  @Test("Wrong usage exits with 64, help with 0, and a report that exists is not replaced")
  func usage() throws {
    #expect(try CommandLine("layer").status == 64)
    #expect(try CommandLine("layer", "x", "--scale", "inf").status == 64)
    #expect(try CommandLine("layer", "x", "--norm-epsilon=-1").status == 64)
    #expect(try CommandLine("layer", "--help").status == 0)
    let folder = try TemporaryFolder()
    let path = folder.file("report.json")
    #expect(try Sample().check("--json", path).status == 0)
    let again = try Sample().check("--json", path)
    #expect(again.status == 2 && again.error.contains("--overwrite"))
    #expect(try Sample().check("--json", path, "--overwrite").status == 0)
  }
}
