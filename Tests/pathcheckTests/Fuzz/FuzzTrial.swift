import Checking
import Foundation
import Judging
import PathAttention
import Problems
import Reports
import TensorFiles
import TestFiles

/// One run of the command on changed files, and what must come of it whatever they are.
struct FuzzTrial {
  let arguments: [String]
  /// The files that are written before, by their names in the folder of the trial.
  let files: [(name: String, bytes: [UInt8])]
  let expectation: FuzzExpectation
  /// What standard output holds when there is a verdict.
  let format: String

  /// What is changed: files that pass.
  struct Corpus: Sendable {
    fileprivate let cases: [FuzzFile]
    fileprivate let layers: [FuzzFile]
    fileprivate let profile: [UInt8]

    init() throws {
      let lines = [
        "B1 T5 HQ2 H1 K3 V2 beta=uniform gate=unscaled.strong seed=5", "B2 T7 HQ2 H2 K4 V3 beta=uniform seed=6",
        "B1 T9 HQ1 H1 K2 V2 cu=0,4,4,9 beta=uniform gate=scaled.strong seed=7",
      ]
      cases = try zip(lines, [ElementType.float32, .float64, .float32]).map { try Self.file($0, $1) }
      layers = try [
        LayerConfiguration(hiddenSize: 8, queryHeads: 2, reflectionRank: 3),
        LayerConfiguration(
          hiddenSize: 8, queryHeads: 2, heads: 1, reflectionRank: nil, hasForgetGate: true, hasQueryKeyNorm: true),
      ].map { configuration in
        let sample = try LayerCommandTests.Sample(configuration)
        var writer = TensorFileWriter(metadata: ["gate": "scaled"])
        for tensor in sample.tensors { try writer.add(tensor.name, shape: tensor.shape, tensor.entries, as: .float64) }
        return try FuzzFile(writer)
      }
      profile = [UInt8](try JSONEncoder().encode(NumericsProfile.fla))
    }

    private static func file(_ line: String, _ type: ElementType) throws -> FuzzFile {
      let problem = try Problem(line: line)
      let inputs = try problem.inputs().map { _, entries in entries.map { Double(Float($0)) } }
      let cotangent = problem.outputCotangent().map { Double(Float($0)) }
      let function = AttentionFunction(scale: 0.5, gate: problem.convention)
      let outputs = try attention(inputs, function)
      let gradients = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: cotangent)
      var writer = TensorFileWriter(metadata: ["scale": "0.5", "gate": problem.convention.rawValue, "case": "fuzz"])
      for (tensor, entries) in inputs.tensors + [(.o, outputs.o), (.lse, outputs.lse)] + gradients.tensors {
        try writer.add(
          tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries.entries, as: type)
      }
      try writer.add("do", shape: problem.shape.dimensions(of: .do), cotangent, as: type)
      if let boundaries = problem.segmentBoundaries {
        try writer.add("cu_seqlens", shape: [boundaries.count], boundaries, as: .int32)
      }
      return try FuzzFile(writer)
    }
  }

  private static let outputs: Set<String> = [
    "o", "lse", "dq", "dk", "dv", "dw", "dbeta", "dg", "out_full", "out_prefill", "out_decode_3",
  ]

  /// The trial of a number.
  init(seed: UInt64, number: Int, _ corpus: Corpus) {
    var random = SeededGenerator(seed: seed, part: "command fuzz \(number)")
    let isLayer = Int.random(in: 0..<4, using: &random) == 0
    var file = (isLayer ? corpus.layers : corpus.cases).randomElement(using: &random)!
    var expectation = FuzzExpectation.passes
    var profile: [UInt8]?
    var bytes: [UInt8]
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<7:
      let changes = [1, 1, 1, 2, 3].randomElement(using: &random)!
      for change in 0..<changes {
        let wanted = file.mutate(using: &random, isOutput: Self.outputs.contains)
        // Of several changes, none says what comes of all.
        expectation = change == 0 ? wanted : expectation == wanted ? wanted : .anything
      }
      bytes = file.bytes
    case 7 where !isLayer:
      bytes = file.bytes
      profile = corpus.profile
      mutateBytes(&profile!, using: &random)
      expectation = .anything
    default:
      bytes = file.bytes
      mutateBytes(&bytes, using: &random)
      expectation = .anything
    }
    var arguments = [isLayer ? "layer" : "check", "case.safetensors", "--memory", "1G"]
    var format = "table"
    if Bool.random(using: &random) {
      format = isLayer ? "--json" : ["--json", "--junit", "--html"].randomElement(using: &random)!
      arguments += [format, "-"]
    }
    if !isLayer {
      if Int.random(in: 0..<20, using: &random) > 0 { arguments.append("--no-variants") }
      if profile != nil { arguments += ["--profile", "profile.json"] }
      let form = ["sequential", "wy", "blockwise"].randomElement(using: &random)!
      if Bool.random(using: &random) { arguments += ["--form", form] }
      if expectation == .anything {
        arguments +=
          [
            [], [], [], ["--layout", "bhtd"], ["--rows", "3"], ["--scale", "-1"], ["--scale", "1e308"],
            ["--gate", "scaled"], ["--rename", "o=otuput"], ["--rename", "o=dq", "dq=o"],
            ["--candidate", "case.safetensors"],
          ].randomElement(using: &random)!
      }
    }
    self.arguments = arguments
    self.format = format
    self.expectation = expectation
    files = [("case.safetensors", bytes)] + (profile.map { [("profile.json", $0)] } ?? [])
  }

  /// Runs it in a folder of its own.
  ///
  /// - Returns: What is wrong with what came of it; nil if nothing is.
  func run(in folder: String) throws -> String? {
    for file in files { try Data(file.bytes).write(to: URL(fileURLWithPath: "\(folder)/\(file.name)")) }
    let (output, error) = ("\(folder)/output", "\(folder)/error")
    let child = try ChildProcess(
      arguments.map { $0.hasSuffix(".safetensors") || $0.hasSuffix(".json") ? "\(folder)/\($0)" : $0 }, output: output,
      error: error)
    guard let status = child.wait(seconds: 120) else { return "did not end" }
    let written = try Data(contentsOf: URL(fileURLWithPath: output))
    let said = try String(contentsOfFile: error, encoding: .utf8)
    return problem(status, written, said).map { "\($0); exit \(status), standard error: \(said.prefix(500))" }
  }

  private func problem(_ status: Int32, _ output: Data, _ error: String) -> String? {
    let actsOnTerminal = { (text: String) in
      text.unicodeScalars.contains { $0 != "\n" && ($0.properties.generalCategory == .control || $0 == "\u{202E}") }
    }
    switch status {
    case 0, 1, 3: break
    case 2:
      guard output.isEmpty || isUnjudged(output) else { return "a refusal with output" }
      guard !output.isEmpty || error.hasPrefix("pathcheck: ") else { return "a refusal without a reason" }
      guard error.split(separator: "\n").count <= 1, error.utf8.count < 10_000, !actsOnTerminal(error) else {
        return "a reason that is not one line"
      }
    default: return "an exit code outside the contract"
    }
    switch (expectation, status) {
    case (.passes, 0), (.anything, _), (.doesNotPass, 1...): break
    default: return "must be: \(expectation)"
    }
    guard status != 2 else { return nil }
    guard error.isEmpty else { return "a verdict, and something on standard error" }
    guard let text = String(data: output, encoding: .utf8), text.utf8.count < 4_000_000 else {
      return "output is no text"
    }
    switch format {
    case "--json":
      let isReport =
        arguments[0] == "layer"
        ? (try? JSONDecoder().decode(LayerCheckReport.self, from: output)) != nil
        : (try? JSONDecoder().decode(CrossCheckReport.self, from: output)) != nil
      return isReport ? nil : "JSON that is no report"
    case "--junit", "--html":
      return ParsedDocument.parse(text) == nil ? "\(format) that does not parse" : nil
    default:
      let verdicts = text.split(separator: "\n").filter { $0.hasPrefix("verdict") }
      guard verdicts.count == 1, text.hasSuffix("\(verdicts[0])\n") else { return "not one verdict, at the end" }
      return actsOnTerminal(text) ? "a table that acts on the terminal" : nil
    }
  }

  /// A report that says of every tensor that nothing can be said.
  private func isUnjudged(_ output: Data) -> Bool {
    let text = String(decoding: output, as: UTF8.self)
    return format != "table" || text.hasSuffix("verdict    NOT JUDGED\n")
  }
}

extension ChildProcess {
  /// Like `wait`, but nil if that takes too long; then the child is killed.
  func wait(seconds: Double) -> Int32? {
    var status: Int32 = 0
    let end = ContinuousClock.now + .seconds(seconds)
    var pause: UInt32 = 500
    while true {
      let result = waitpid(identifier, &status, WNOHANG)
      if result == identifier { return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F) }
      guard ContinuousClock.now < end else {
        kill(identifier, SIGKILL)
        _ = wait()
        return nil
      }
      usleep(pause)
      pause = min(5000, pause * 2)
    }
  }
}
