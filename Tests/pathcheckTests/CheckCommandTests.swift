import Checking
import Foundation
import Mistakes
import PathAttention
import Problems
import TensorFiles
import Testing

/// `pathcheck check` as a process: what it prints, what it writes, how it exits.
@Suite struct CheckCommandTests {
  // MARK: Real kernel output

  /// Relative errors of flash-linear-attention 0.6.0 on an H200 against an independent Float64 computation.
  static let known: [(file: String, errors: [String: Double], status: Int32)] = [
    (
      "fla-gate-bf16-t256-d64",
      [
        "o": 0.0026674, "dq": 0.0042758, "dk": 0.0043225, "dv": 0.0030205, "dw": 0.0067968, "dbeta": 0.006917,
        "dg": 0.0033054,
      ], 0
    ),
    (
      "fla-gate-bf16-t63-d64",
      [
        "o": 0.0021784, "dq": 0.0035349, "dk": 0.0033881, "dv": 0.0026624, "dw": 0.0054753, "dbeta": 0.0051149,
        "dg": 0.0036213,
      ], 0
    ),
    (
      "fla-gate-f16-t300-d16",
      [
        "o": 0.00042179, "dq": 0.00069037, "dk": 0.00068496, "dv": 0.00045636, "dw": 0.63717, "dbeta": 0.0012087,
        "dg": 0.00075711,
      ], 1
    ),
  ]

  @Test(
    "Known errors of real kernels are reproduced to three digits by each form",
    arguments: ["sequential", "wy", "blockwise"], [0, 1, 2])
  func realKernels(form: String, index: Int) throws {
    let (file, errors, status) = Self.known[index]
    let run = try CommandLine("check", CommandLine.fixture(file), "--form", form, "--no-variants", "--json", "-")
    #expect(run.status == status)
    let report = try JSONDecoder().decode(CrossCheckReport.self, from: Data(run.output.utf8))
    #expect(report.tensors.count == errors.count)
    for tensor in report.tensors {
      let known = try #require(errors[tensor.name])
      #expect(abs(tensor.rmsRatio.value / known - 1) < 5e-4, "\(tensor.name) \(tensor.rmsRatio.value), known \(known)")
      #expect(tensor.verdict == (tensor.name == "dw" && status == 1 ? .fail : .pass))
    }
  }

  @Test("The table names tensors, places and the verdict")
  func table() throws {
    let run = try CommandLine("check", CommandLine.fixture("fla-gate-f16-t300-d16"))
    #expect(run.status == 1)
    #expect(run.error.isEmpty)
    #expect(run.output.contains("dw      F32    0.63717"))
    #expect(
      run.output.contains("\ndiagnosis  dw none of the \(VariantCatalogue.all.count - 1) known variants; nominal "))
    #expect(run.output.contains("sequential product"))
    #expect(run.output.hasSuffix("verdict    FAIL\n"))
  }

  // MARK: Inputs and outputs of our own

  /// A small problem with the outputs of the library itself, to be spoiled in one place.
  struct Sample {
    var tensors: [(name: String, shape: [Int], entries: [Double])] = []
    var metadata: [String: String] = [:]
    var elementType = ElementType.float64

    init(_ line: String) throws {
      let problem = try Problem(line: line)
      let inputs = try problem.inputs()
      let outputs = try attention(inputs)
      let gradients = try attentionGradients(
        of: inputs, outputs: outputs, outputCotangent: problem.outputCotangent())
      for (tensor, entries) in inputs.tensors + [(.o, outputs.o), (.lse, outputs.lse)] + gradients.tensors {
        tensors.append((tensor.rawValue, problem.shape.dimensions(of: tensor), entries.entries))
      }
      tensors.append(("do", problem.shape.dimensions(of: .do), problem.outputCotangent()))
      metadata["gate"] = "scaled"
    }

    subscript(name: String) -> (shape: [Int], entries: [Double]) {
      get {
        let tensor = tensors.first { $0.name == name }!
        return (tensor.shape, tensor.entries)
      }
      set {
        let index = tensors.firstIndex { $0.name == name }!
        (tensors[index].shape, tensors[index].entries) = newValue
      }
    }

    func write(to path: String, only names: ((String) -> Bool)? = nil) throws {
      var file = TensorFileWriter(metadata: metadata)
      for (name, shape, entries) in tensors where names?(name) ?? true {
        try file.add(name, shape: shape, entries, as: elementType)
      }
      try file.write(to: path)
    }
  }

  static let line = "B2 T9 HQ4 H2 K4 V3 beta=uniform gate=scaled.strong seed=11"

  private func check(
    _ sample: Sample, _ arguments: String...
  ) throws -> (run: CommandLine, path: String, folder: TemporaryFolder) {
    let folder = try TemporaryFolder()
    let path = folder.file("case.safetensors")
    try sample.write(to: path)
    let run =
      switch arguments.count {
      case 0: try CommandLine("check", path)
      case 1: try CommandLine("check", path, arguments[0])
      case 2: try CommandLine("check", path, arguments[0], arguments[1])
      default: try CommandLine("check", path, arguments[0], arguments[1], arguments[2])
      }
    return (run, path, folder)
  }

  @Test("The library's own results pass in Float64")
  func ownResults() throws {
    let (run, _, _) = try check(try Sample(Self.line))
    #expect(run.status == 0, "\(run.output)\(run.error)")
    #expect(run.output.contains("verdict    PASS"))
    #expect(run.output.contains("\nblind spots: "))
    let (quick, _, _) = try check(try Sample(Self.line), "--no-variants")
    #expect(quick.status == 0 && !quick.output.contains("blind spots"))
  }

  @Test("A known mistake is named, in the table and in the JSON, with what it was compared with")
  func knownMistake() throws {
    var sample = try Sample(Self.line)
    // A log-sum-exp in base 2.
    sample["lse"].entries = sample["lse"].entries.map { $0 / 0.6931471805599453 }
    let (run, path, folder) = try check(sample)
    #expect(run.status == 1)
    #expect(run.output.contains("\ndiagnosis  lse matches lse.base2 within "))
    let json = folder.file("report.json")
    _ = try CommandLine("check", path, "--json", json)
    let report = try JSONDecoder().decode(
      CrossCheckReport.self, from: Data(contentsOf: URL(fileURLWithPath: json)))
    let diagnosis = try #require(report.diagnosis)
    #expect(diagnosis.tensors.map(\.name) == ["lse"] && diagnosis.tensors[0].variants == ["lse.base2"])
    #expect(report.blindSpots == nil)
  }

  @Test("A NaN in the candidate is a failure with its place")
  func nanInCandidate() throws {
    var sample = try Sample(Self.line)
    // o is [2, 9, 4, 3]: entry ((1·9 + 5)·4 + 2)·3 + 1.
    sample["o"].entries[((9 + 5) * 4 + 2) * 3 + 1] = .nan
    let (run, _, _) = try check(sample)
    #expect(run.status == 1)
    #expect(run.output.contains("b1 t5 h2 lane 1"))
    #expect(run.output.contains("FAIL (1 NaN or infinite)"))
    let (json, _, _) = try check(sample, "--json", "-")
    #expect(json.output.contains("\"rmsRatio\" : \"nan\""))
  }

  @Test("A NaN in an input is an error with its place")
  func nanInInput() throws {
    var sample = try Sample(Self.line)
    sample["k"].entries[4 * 2 * 3] = .infinity
    let (run, path, _) = try check(sample)
    #expect(run.status == 2)
    #expect(run.error == "pathcheck: \(path): input tensor 'k' must be finite, found inf at b0 t3 h0 lane 0\n")
  }

  @Test("A transposed tensor is an error that tells the way out, and the way out works")
  func transposed() throws {
    var sample = try Sample(Self.line)
    for index in sample.tensors.indices {
      let (_, shape, entries) = sample.tensors[index]
      let lanes = shape.count == 4 ? shape[3] : 1
      var transposed: [Double] = []
      for b in 0..<shape[0] {
        for h in 0..<shape[2] {
          for t in 0..<shape[1] {
            let start = ((b * shape[1] + t) * shape[2] + h) * lanes
            transposed += entries[start..<start + lanes]
          }
        }
      }
      sample.tensors[index].entries = transposed
      sample.tensors[index].shape = [shape[0], shape[2], shape[1]] + shape.dropFirst(3)
    }
    #expect(try check(sample, "--layout", "bhtd").run.status == 0)
    let original = try Sample(Self.line)
    var mixed = original
    mixed["w"] = sample["w"]
    let (run, path, _) = try check(mixed)
    #expect(run.status == 2)
    #expect(
      run.error == "pathcheck: \(path): tensor 'w' must have shape [2, 9, 2, 4], found [2, 2, 9, 4]; "
        + "all shapes fit with --layout w=bhtd\n")
  }

  @Test("A missing input, a missing cotangent and nothing to compare are errors of their own")
  func missing() throws {
    let sample = try Sample(Self.line)
    let folder = try TemporaryFolder()
    for (name, remove, message) in [
      ("w", { $0 != "w" }, "tensor 'w' is missing; the inputs are q, k, v, w and beta (see --rename)"),
      ("do", { $0 != "do" }, "tensor 'do' is missing; 'dq' cannot be judged without it"),
      ("g", { $0 != "g" }, "tensor 'g' is missing; 'dg' cannot be judged without it"),
      (
        "outputs", { ["q", "k", "v", "w", "beta"].contains($0) },
        "there is nothing to compare; expected at least one of o, lse, dq, dk, dv, dw, dbeta, dg"
      ),
    ] as [(String, (String) -> Bool, String)] {
      let path = folder.file("\(name).safetensors")
      try sample.write(to: path, only: remove)
      let run = try CommandLine("check", path)
      #expect(run.status == 2)
      #expect(run.error == "pathcheck: \(path): \(message)\n")
    }
  }

  @Test("A truncated file, a file that is not there and query heads that cannot be shared are errors of their own")
  func brokenFiles() throws {
    let sample = try Sample(Self.line)
    let folder = try TemporaryFolder()
    let whole = folder.file("whole.safetensors")
    try sample.write(to: whole)
    let truncated = folder.file("truncated.safetensors")
    let data = try Data(contentsOf: URL(fileURLWithPath: whole))
    try data.dropLast(100).write(to: URL(fileURLWithPath: truncated))
    let run = try CommandLine("check", truncated)
    #expect(run.status == 2)
    #expect(run.error.hasPrefix("pathcheck: \(truncated): tensor "))
    #expect(run.error.contains("must have bytes within"))

    let absent = try CommandLine("check", folder.file("absent"))
    #expect(absent.status == 2)
    #expect(absent.error == "pathcheck: \(folder.file("absent")): cannot be read: there is no such file\n")

    var uneven = sample
    uneven["q"] = ([2, 9, 3, 4], [Double](repeating: 0, count: 2 * 9 * 3 * 4))
    let heads = try check(uneven)
    #expect(heads.run.status == 2)
    #expect(
      heads.run.error == "pathcheck: \(heads.path): the number of query heads must be a multiple of the number of "
        + "key/value heads, found 3 and 2\n")
  }

  @Test("Other names, a second file, another convention and another scale")
  func options() throws {
    var sample = try Sample(Self.line)
    let folder = try TemporaryFolder()
    let (inputs, outputs) = (folder.file("inputs.safetensors"), folder.file("outputs.safetensors"))
    let given = ["q", "k", "v", "w", "beta", "g", "do"]
    try sample.write(to: inputs) { given.contains($0) }
    for index in sample.tensors.indices where sample.tensors[index].name == "dbeta" {
      sample.tensors[index].name = "db"
    }
    try sample.write(to: outputs) { !given.contains($0) }
    let json = folder.file("report.json")
    let run = try CommandLine(
      "check", inputs, "--candidate", outputs, "--rename", "dbeta=db", "--json", json)
    #expect(run.status == 0, "\(run.output)\(run.error)")
    let report = try JSONDecoder().decode(
      CrossCheckReport.self, from: Data(contentsOf: URL(fileURLWithPath: json)))
    #expect(report.tensors.map(\.name) == ["o", "lse", "dq", "dk", "dv", "dw", "dbeta", "dg"])
    #expect(report.options.scale == 0.5 && report.options.gate == .scaled)

    let again = try CommandLine("check", inputs, "--candidate", outputs, "--json", json)
    #expect(again.status == 2)
    #expect(again.error == "pathcheck: \(json): the file exists; --overwrite replaces it\n")

    let otherGate = try CommandLine("check", inputs, "--candidate", outputs, "--gate", "unscaled")
    #expect(otherGate.status == 1)
    #expect(otherGate.output.contains("\ndiagnosis  o matches gate.scaled within "))
    #expect(otherGate.output.contains("not compared, because the names are not known: db (see --rename)"))
    #expect(try CommandLine("check", inputs, "--candidate", outputs, "--scale", "1").status == 1)
  }

  @Test("Intermediate results under other names: the step that is wrong is named, also where it is NaN")
  func intermediates() throws {
    var sample = try Sample("B1 T20 HQ1 H1 K4 V3 beta=uniform seed=12")
    let inputs = try Problem(line: "B1 T20 HQ1 H1 K4 V3 beta=uniform seed=12").inputs()
    let blocks = try blockIntermediates(inputs, segment: 0, queryHead: 0, blockSize: 8)
    sample.metadata["block_size"] = "8"
    sample.tensors.append(("k_new", [1, 20, 1, 4], blocks.flatMap(\.K̂.entries)))
    sample.tensors.append(("w2", [1, 20, 1, 4], blocks.flatMap(\.U.entries)))
    func run(_ sample: Sample) throws -> CommandLine {
      let folder = try TemporaryFolder()
      let path = folder.file("case.safetensors")
      try sample.write(to: path)
      return try CommandLine(
        "check", path, "--no-variants", "--rename", "transformed_w=w2", "adjusted_k=k_new")
    }
    let right = try run(sample)
    #expect(right.status == 0 && right.output.contains("\nadjusted_k ") && !right.output.contains("origin"))
    sample["w2"].entries[5] += 0.01
    sample["lse"].entries[7] += 1
    let wrong = try run(sample)
    #expect(wrong.status == 1 && wrong.output.contains("\norigin     transformed_w (U = T W): no step before it is"))
    sample["k_new"].entries[9] = .nan
    let nan = try run(sample)
    #expect(nan.status == 1 && nan.output.contains("FAIL (1 NaN or infinite)"))
    #expect(nan.output.contains("\norigin     adjusted_k (K̂ = "))
    let unknown = try CommandLine("check", "x", "--rename", "h=w2")
    #expect(unknown.status == 64)
  }

  @Test("Packed sequences are read, and bad boundaries named")
  func packed() throws {
    let folder = try TemporaryFolder()
    let problem = try Problem(line: "B1 T9 HQ2 H1 K3 V2 cu=0,4,4,5,9 beta=uniform seed=4")
    let inputs = try problem.inputs()
    for (boundaries, status) in [([0, 4, 4, 5, 9], 0), ([0, 9], 1), ([0, 5, 4, 9], 2), ([0, 8], 2)] {
      var file = TensorFileWriter()
      for (tensor, entries) in inputs.tensors + [(.o, try attention(inputs).o)] {
        try file.add(
          tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries.entries, as: .float64)
      }
      try file.add("cu_seqlens", shape: [boundaries.count], boundaries, as: .int32)
      let path = folder.file("\(boundaries).safetensors")
      try file.write(to: path)
      let run = try CommandLine("check", path)
      #expect(run.status == status, "\(boundaries): \(run.output)\(run.error)")
    }
  }

  @Test("Growing products of reflections are warned of")
  func growth() throws {
    let (run, _, _) = try check(try Sample("B1 T20 HQ1 H1 K3 V2 beta=beyond seed=4"))
    #expect(run.output.contains("warning    β‖w‖² lies outside [0, 2]"))
  }

  // MARK: Usage

  @Test("Wrong usage exits with 64, help with 0")
  func usage() throws {
    #expect(try CommandLine("check").status == 64)
    #expect(try CommandLine("check", "x", "--form", "fastest").status == 64)
    #expect(try CommandLine("check", "x", "--rename", "gamma=g").status == 64)
    #expect(try CommandLine("check", "x", "--rename", "q=a", "q=b").status == 64)
    #expect(try CommandLine("check", "x", "--scale", "nan").status == 64)
    #expect(try CommandLine("check", "x", "--block-size", "0").status == 64)
    #expect(try CommandLine("nonsense").status == 64)
    for command in ["check", "bench"] {
      let help = try CommandLine(command, "--help")
      #expect(help.status == 0 && help.output.contains("USAGE: pathcheck \(command)"))
    }
    #expect(try CommandLine("--help").output.contains("Exit codes: 0 everything passes"))
  }

  @Test("Reports are not overwritten unasked, before anything is computed, and do not share a place")
  func places() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("kept.html")
    try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
    let input = CommandLine.fixture("fla-gate-f16-t300-d16")
    let refused = try CommandLine("check", input, "--html", path)
    #expect(refused.status == 2 && refused.error == "pathcheck: \(path): the file exists; --overwrite replaces it\n")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
    // The input is not even looked for.
    let early = try CommandLine("check", folder.file("absent"), "--junit", path)
    #expect(early.status == 2 && early.error == refused.error)
    #expect(try CommandLine("check", input, "--html", path, "--overwrite", "--no-variants").status == 1)
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
    #expect(try CommandLine("check", input, "--html", "-", "--junit", "-").status == 64)
  }
}
