import Checking
import Foundation
import Judging
import NumberFormats
import PathAttention
import Problems
import TensorFiles
import Testing

/// What `pathcheck check` says of kernels that are wrong in a few rows, and of profiles.
@Suite struct EnvelopeCommandTests {
  // MARK: Faults that a relative RMS error lets pass

  /// The outputs of a bfloat16 kernel that rounds to nearest, to be spoiled.
  struct Kernel {
    let problem: Problem
    let attentionCase: AttentionCase
    var tensors: [AttentionTensor: [Double]]

    /// - Parameter firstValue: What the values of the first token are multiplied by.
    init(_ line: String, firstValue: Double = 1) throws {
      problem = try Problem(line: line)
      let inputs = try problem.inputs()
      func rounded(_ tensor: TokenTensor<Double>) -> [Double] { tensor.entries.map(NumberFormat.bfloat16.round) }
      var v = rounded(inputs.v)
      for entry in 0..<inputs.v.matrix.columns { v[entry] *= firstValue }
      attentionCase = AttentionCase(
        try AttentionInputs(
          shape: inputs.shape, q: rounded(inputs.q), k: rounded(inputs.k), v: v, w: rounded(inputs.w),
          beta: rounded(inputs.beta)))
      tensors = try attentionCase.evaluate(blockSize: 64, NumericsProfile.bf16.nearestRounding(activation: .bfloat16))
    }

    func row(_ tensor: AttentionTensor, token: Int, head: Int) -> Range<Int> {
      let (heads, lanes) = problem.shape.layout(of: tensor)
      let start = (token * heads + head) * (lanes ?? 1)
      return start..<start + (lanes ?? 1)
    }

    func write(to path: String) throws {
      var file = TensorFileWriter()
      for (tensor, entries) in attentionCase.inputs.tensors.map({ ($0.tensor, $0.entries.entries) })
        + tensors.map({ ($0.key, $0.value) })
      {
        try file.add(
          tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries,
          as: tensor == .lse ? .float32 : .bfloat16)
      }
      try file.write(to: path)
    }

    func check() throws -> (report: CrossCheckReport, status: Int32) {
      let folder = try TemporaryFolder()
      let path = folder.file("case.safetensors")
      try write(to: path)
      let run = try CommandLine("check", path, "--json", "-")
      return (try JSONDecoder().decode(CrossCheckReport.self, from: Data(run.output.utf8)), run.status)
    }
  }

  static let line = "B1 T1024 HQ2 H1 K16 V16 beta=uniform seed=8"

  @Test("The kernel passes as long as nothing is spoiled")
  func unspoiled() throws {
    let (report, status) = try Kernel(Self.line).check()
    #expect(status == 0)
    #expect(report.profile.name == "bf16" && report.profile.runs == 12)
    #expect(report.profile.blockSizes == [16, 32, 64, 128])
    for tensor in report.tensors {
      #expect(tensor.verdict == .pass && tensor.envelopeMultiple.value < 1.5 && tensor.location == nil)
    }
  }

  @Test("A kernel that leaves out the diagonal in its last 16 rows fails there")
  func droppedDiagonal() throws {
    var kernel = try Kernel(Self.line)
    let inputs = kernel.attentionCase.inputs
    for token in 1008..<1024 {
      for head in 0..<2 {
        let (q, k) = (kernel.row(.q, token: token, head: head), kernel.row(.k, token: token, head: 0))
        let logit = zip(inputs.q.entries[q], inputs.k.entries[k]).reduce(0) { $0 + $1.0 * $1.1 } / 4
        let P = Double.exp(logit - kernel.tensors[.lse]![token * 2 + head])
        for (o, v) in zip(kernel.row(.o, token: token, head: head), kernel.row(.v, token: token, head: 0)) {
          kernel.tensors[.o]![o] = (kernel.tensors[.o]![o] - P * inputs.v.entries[v]) / (1 - P)
        }
      }
    }
    let (report, status) = try kernel.check()
    #expect(status == 1)
    let o = report.tensors[0]
    #expect(o.name == "o" && o.verdict == .fail)
    #expect(o.rmsRatio.value < 0.005)
    let location = try #require(o.location)
    #expect(location.worstRows.allSatisfy { $0.at.token >= 1008 })
    #expect(location.pattern[0].hasPrefix("starts at token 10"), "\(location.pattern)")
    #expect(location.byBlock.dropLast().allSatisfy { $0 == 0 } && location.byBlock.last! > 0.15)
  }

  @Test("A kernel whose last row is zero fails there")
  func zeroRow() throws {
    var kernel = try Kernel("B1 T300 HQ1 H1 K8 V8 beta=uniform seed=8", firstValue: 64)
    for entry in kernel.row(.o, token: 299, head: 0) { kernel.tensors[.o]![entry] = 0 }
    let (report, status) = try kernel.check()
    #expect(status == 1)
    let o = report.tensors[0]
    #expect(o.verdict == .fail)
    #expect(o.rmsRatio.value < 0.005)
    let location = try #require(o.location)
    #expect(location.rowsOver == 1 && location.worstRows[0].at.token == 299)
    #expect(location.pattern == ["only the last token of the segment", "the candidate is zero there"])
  }

  // MARK: What cannot be judged

  @Test("A reference that Float64 cannot compute is called an unstable baseline, and nothing is judged by it")
  func unstableBaseline() throws {
    // Every query is first projected onto the complement of w, and what rounding leaves of it along w then grows by 2⁶⁰.
    let length = 70
    let normals = try Problem(line: "B1 T70 HQ1 H1 K2 V2 seed=5").inputs()
    let beta = (0..<length).map { $0 < 60 ? 3.0 : 1.0 }
    let inputs = try AttentionInputs(
      shape: normals.shape, q: normals.q.entries, k: normals.k.entries, v: normals.v.entries,
      w: (0..<length).flatMap { _ in [0.6, 0.8] }, beta: beta)
    let folder = try TemporaryFolder()
    let path = folder.file("case.safetensors")
    var file = TensorFileWriter()
    for (tensor, entries) in inputs.tensors + [(.o, try attention(inputs, AttentionExecution(form: .compactWY)).o)] {
      try file.add(tensor.rawValue, shape: inputs.shape.dimensions(of: tensor), entries.entries, as: .float64)
    }
    try file.write(to: path)
    let run = try CommandLine("check", path, "--no-variants")
    #expect(run.status == 2, "\(run.output)")
    #expect(run.output.contains("warning    unstable baseline: two evaluations of the reference in Float64 are "))
    #expect(run.output.contains("o cannot be judged"))
    #expect(run.output.hasSuffix("verdict    NOT JUDGED\n"))
    let junit = try CommandLine("check", path, "--no-variants", "--junit", "-")
    #expect(
      junit.status == 2 && junit.output.contains("errors=\"1\"") && junit.output.contains("<error type=\"not judged\""))
  }

  @Test("Rows in which rounding decides what is attended to are not judged, that is said, and it is no pass")
  func undetermined() throws {
    let kernel = try Kernel("B1 T30 HQ2 H1 K8 V8 beta=uniform logits=huge seed=8")
    let (report, status) = try kernel.check()
    #expect(status == 3)
    #expect(report.verdict == .marginal)
    let o = try #require(report.tensors.first { $0.name == "o" })
    #expect(o.rows == 60 && o.judgedRows < 60 && o.unjudged?.map(\.reason) == [.weights])
    #expect(o.location == nil)
    let folder = try TemporaryFolder()
    let path = folder.file("case.safetensors")
    try kernel.write(to: path)
    func run(_ arguments: String...) throws -> CommandLine {
      try CommandLine(["check", path, "--no-variants"] + arguments)
    }
    #expect(try run().output.contains("\no: \(60 - o.judgedRows) of 60 rows not judged: rounding as profile bf16 says"))
    let accepted = try run("--accept-marginal")
    #expect(accepted.status == 0 && accepted.output.hasSuffix("verdict    MARGINAL\n"))
    let strict = try run("--junit", "-")
    #expect(strict.status == 3 && strict.output.contains("<failure type=\"marginal\""))
    let lenient = try run("--junit", "-", "--accept-marginal")
    #expect(lenient.status == 0 && !lenient.output.contains("<failure") && lenient.output.contains("failures=\"0\""))
  }

  // MARK: Measures

  @Test("The smallest allclose pair passes, a smaller one does not, and the other measures are what they say")
  func metrics() throws {
    let kernel = try Kernel("B1 T50 HQ2 H1 K8 V8 beta=uniform seed=8")
    let o = try #require(try kernel.check().report.tensors.first)
    let exact = try attention(kernel.attentionCase.inputs, AttentionExecution(form: .sequentialProduct)).o.entries
    let candidate = kernel.tensors[.o]!
    func isClose(_ factor: Double) -> Bool {
      zip(candidate, exact).allSatisfy {
        abs($0 - $1) <= factor * (o.metrics.atol.value + o.metrics.rtol.value * abs($1))
      }
    }
    #expect(isClose(1 + 1e-9) && !isClose(1 - 1e-9))
    let square = exact.reduce(0) { $0 + $1 * $1 }
    let rms = (square / Double(exact.count)).squareRoot()
    #expect(abs(o.metrics.atol.value / (o.metrics.rtol.value * rms) - 1) < 1e-9)
    #expect(abs(o.metrics.nmse.value / (o.rmsRatio.value * o.rmsRatio.value) - 1) < 1e-9)
    let dot = zip(candidate, exact).reduce(0) { $0 + $1.0 * $1.1 }
    let norm = candidate.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(o.metrics.cosine.value - dot / norm / square.squareRoot()) < 1e-12)
    let ulps = zip(candidate, exact).map { abs($0 - $1) / NumberFormat.bfloat16.ulp(max(abs($1), rms)) }
    #expect(abs(o.metrics.maxUlp.value / ulps.max()! - 1) < 1e-9)
  }

  // MARK: Profiles

  @Test("A profile is one of those that are shipped, or a file")
  func profiles() throws {
    let kernel = try Kernel("B1 T20 HQ2 H1 K8 V8 beta=uniform seed=8")
    let folder = try TemporaryFolder()
    let path = folder.file("case.safetensors")
    try kernel.write(to: path)
    for profile in NumericsProfile.shipped {
      let run = try CommandLine("check", path, "--profile", profile.name)
      // A kernel that works in bfloat16 is not one that works in anything finer.
      #expect(run.status == (["fla", "bf16"].contains(profile.name) ? 0 : 1), "\(profile.name): \(run.output)")
      #expect(run.output.contains("profile    \(profile.name), activation bfloat16"))
    }

    var mine = NumericsProfile.f32
    mine.name = "mine"
    mine.points[.weights] = .activation
    mine.points[.o] = .format(.bfloat16)
    let file = folder.file("mine.json")
    try JSONEncoder().encode(mine).write(to: URL(fileURLWithPath: file))
    #expect(try CommandLine("check", path, "--profile", file).output.contains("profile    mine, activation bfloat16"))

    for (text, message) in [
      (
        #"{"name": "x", "blockSize": 4, "sumLength": 4, "operands": "fp8", "sums": "float32", "results": "float32"}"#,
        "operands: expected activation or one of float64, float32, tensorFloat32, float16, bfloat16, found 'fp8'"
      ),
      (
        #"{"name": "x", "blockSize": 0, "sumLength": 4, "operands": "float32", "sums": "float32", "results": "float32"}"#,
        "blockSize: expected 1 to 1048576, found 0"
      ),
      (#"{"name": "x", "speed": 4}"#, "expected a key of a profile, one of"),
      (
        """
        {"name": "x", "blockSize": 4, "sumLength": 4, "operands": "float32", "sums": "float32", "results": "float32",
         "points": {"weight": "float32"}}
        """, "points: expected a rounding point, one of queries, keys"
      ),
      (#"{"name": "x"}"#, "sumLength: No value associated with key"),
      ("[", "not a profile: "),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      let run = try CommandLine("check", path, "--profile", file)
      #expect(run.status == 2)
      #expect(run.error.hasPrefix("pathcheck: \(file): not a profile: "), "\(run.error)")
      #expect(run.error.contains(message), "\(run.error)")
      #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
    }
    let unknown = try CommandLine("check", path, "--profile", "fp8")
    #expect(unknown.status == 2)
    #expect(
      unknown.error
        == "pathcheck: fp8: not a profile: expected fla, bf16, f16, tf32, f32, f64 or a file that can be read: "
        + "there is no such file\n")
  }

  @Test("Real kernels pass in every tensor under their own profile, but for the one that is wrong")
  func realKernels() throws {
    for name in ["fla-gate-bf16-t256-d64", "fla-gate-bf16-t63-d64", "fla-gate-f16-t300-d16"] {
      let run = try CommandLine("check", CommandLine.fixture(name), "--profile", "fla", "--json", "-")
      let report = try JSONDecoder().decode(CrossCheckReport.self, from: Data(run.output.utf8))
      for tensor in report.tensors {
        let isWrong = name == "fla-gate-f16-t300-d16" && tensor.name == "dw"
        #expect(tensor.verdict == (isWrong ? .fail : .pass), "\(name) \(tensor.name)")
        #expect(isWrong ? tensor.envelopeMultiple.value > 100 : tensor.envelopeMultiple.value < 1.2)
        guard isWrong else { continue }
        #expect(tensor.location?.pattern.first == "only tokens 17 to 63 of each block (of 64, counted from 0)")
        #expect(tensor.location?.pattern.last?.hasSuffix("rows there are off") == true)
      }
    }
  }
}
