import Checking
import Foundation
import Judging
import NumberFormats
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

/// What is said of rows that rounding decides, and of whole tensors of them.
@Suite struct UnjudgedRowsTests {
  /// A bfloat16 kernel that is given a query so large that rounding decides what it attends to.
  private struct Kernel {
    var attentionCase: AttentionCase
    var tensors: [AttentionTensor: [Double]]
    static let activation: Set<AttentionTensor> = [.q, .k, .v, .do, .o, .dq, .dk, .dv]

    /// - Parameter large: The rows of q that are made larger by a factor; all when nil.
    init(factor: Double, rows large: Set<Int>? = nil) throws {
      let problem = try Problem(line: "B1 T80 HQ1 H1 K8 V8 beta=uniform seed=4")
      let inputs = try problem.inputs()
      func rounded(_ tensor: TokenTensor<Double>) -> [Double] { tensor.entries.map(NumberFormat.bfloat16.round) }
      let q = rounded(inputs.q).enumerated().map { large?.contains($0 / 8) ?? true ? factor * $1 : $1 }
      attentionCase = AttentionCase(
        try AttentionInputs(
          shape: inputs.shape, q: q, k: rounded(inputs.k), v: rounded(inputs.v),
          w: inputs.w.entries.map { Double(Float($0)) },
          beta: inputs.beta.entries.map { Double(Float($0)) }),
        outputCotangent: problem.outputCotangent().map(NumberFormat.bfloat16.round))
      tensors = try attentionCase.evaluate(blockSize: 64, NumericsProfile.bf16.nearestRounding(activation: .bfloat16))
    }

    func check(
      _ metadata: [String: String] = ["block_size": "64"], formats: [AttentionTensor: ElementType] = [:],
      _ change: (inout [AttentionTensor: [Double]]) -> Void = { _ in }
    ) throws -> CrossCheckReport {
      var written = tensors
      change(&written)
      for (tensor, entries) in attentionCase.inputs.tensors { written[tensor] = entries.entries }
      written[.do] = attentionCase.outputCotangent
      return try TestFiles.withTemporary { path in
        var file = TensorFileWriter(metadata: metadata)
        for (tensor, entries) in written {
          try file.add(
            tensor.rawValue, shape: attentionCase.inputs.shape.dimensions(of: tensor), entries,
            as: formats[tensor] ?? (Self.activation.contains(tensor) ? .bfloat16 : .float32))
        }
        try file.write(to: path)
        return try crossCheck(CrossCheckRequest(inputs: path, studiesVariants: false))
      }
    }
  }

  private func verdicts(_ report: CrossCheckReport) -> [String: Verdict] {
    Dictionary(uniqueKeysWithValues: report.tensors.map { ($0.name, $0.verdict) })
  }

  @Test("A query that rounding decides excuses no gradient by more than its weight on it")
  func oneQuery() throws {
    let kernel = try Kernel(factor: 300, rows: [79])
    let honest = try kernel.check()
    #expect(!verdicts(honest).values.contains(.fail), "\(honest.tensors)")
    let dv = try #require(honest.tensors.first { $0.name == "dv" })
    #expect(dv.rows == 80 && dv.judgedRows > 60 && dv.judgedRows < 80, "\(dv)")
    #expect(dv.unjudged?.map(\.reason) == [.weights] && dv.verdict == .marginal)
    // Half as much again in rows to which the query gives no weight.
    for tensor in [AttentionTensor.dv, .dk] {
      let report = try kernel.check { tensors in
        for entry in 8 * 8..<12 * 8 { tensors[tensor]![entry] *= 1.5 }
      }
      #expect(verdicts(report)[tensor.rawValue] == .fail, "\(tensor)")
    }
  }

  @Test("A NaN is a failure wherever some honest kernel is finite, judged or not")
  func notFinite() throws {
    let kernel = try Kernel(factor: 300, rows: [79])
    for tensor in [AttentionTensor.o, .lse, .dq, .dk, .dv, .dw, .dbeta] {
      for value in [Double.nan, .infinity] {
        let report = try kernel.check { $0[tensor] = $0[tensor]!.map { _ in value } }
        #expect(verdicts(report)[tensor.rawValue] == .fail && !report.isUnjudged, "\(tensor) \(value)")
      }
    }
    // The row of the large query itself.
    let report = try kernel.check { $0[.o]![79 * 8] = .nan }
    #expect(verdicts(report)["o"] == .fail)
  }

  @Test("What goes further than rounding can decide fails")
  func beyond() throws {
    let kernel = try Kernel(factor: 300, rows: [79])
    #expect(verdicts(try kernel.check { $0[.o]![79 * 8] += 1000 })["o"] == .fail)
    #expect(verdicts(try kernel.check { $0[.dk]![79 * 8] += 1e6 })["dk"] == .fail)
  }

  @Test("A tensor of which nothing is judged is no pass and nothing marginal")
  func nothing() throws {
    // w saved before its normalisation: products grow, and the rounding of any kernel with them.
    var kernel = try Kernel(factor: 1)
    kernel.attentionCase.inputs = try kernel.attentionCase.inputs.replacing(
      w: kernel.attentionCase.inputs.w.entries.map { 50 * $0 })
    kernel.tensors = try Implementation(.sequentialProduct).evaluate(kernel.attentionCase)
    let report = try kernel.check { tensors in
      for tensor in tensors.keys where tensor != .o { tensors[tensor] = nil }
    }
    let unjudged = report.tensors.filter(\.isUnjudged)
    #expect(!unjudged.isEmpty && unjudged.allSatisfy { $0.verdict == .fail && $0.location == nil })
    #expect(report.verdict == .fail && report.isUnjudged, "\(report.tensors)")
    #expect(report.firstWrongStages == nil)
  }

  @Test("What an output is stored in, or w and β are, changes no other tensor's envelope")
  func formats() throws {
    let kernel = try Kernel(factor: 1)
    func limits(_ formats: [AttentionTensor: ElementType]) throws -> [String: Double] {
      Dictionary(
        uniqueKeysWithValues: try kernel.check(formats: formats).tensors.map { ($0.name, $0.passLimit) })
    }
    let float32 = Dictionary(uniqueKeysWithValues: AttentionTensor.allCases.map { ($0, ElementType.float32) })
    let all = try limits(float32)
    #expect(all["o"]! < 1e-5)
    let coarse = try limits(float32.merging([.lse: .bfloat16]) { $1 })
    #expect(coarse["lse"]! > 100 * all["lse"]!)
    for (tensor, limit) in all where tensor != "lse" { #expect(coarse[tensor] == limit, "\(tensor)") }
    // Values that a format holds are the same in another one.
    let activation = try kernel.check(formats: float32.merging([.q: .bfloat16]) { $1 })
    #expect(activation.profile.name == "bf16" && activation.profile.activation == "bfloat16")
    #expect(try kernel.check(formats: float32).profile.name == "f32")
  }

  @Test("Where nobody says the block size, kernels with any pass")
  func blockSizes() throws {
    var kernel = try Kernel(factor: 1)
    for blockSize in [16, 32, 64, 128] {
      kernel.tensors = try kernel.attentionCase.evaluate(
        blockSize: blockSize, NumericsProfile.bf16.nearestRounding(activation: .bfloat16))
      let unknown = try kernel.check([:])
      #expect(unknown.verdict == .pass && unknown.profile.blockSizes == [16, 32, 64, 128], "\(unknown.tensors)")
      let known = try kernel.check(["block_size": "\(blockSize)"])
      #expect(known.verdict == .pass && known.profile.blockSizes == [blockSize] && known.profile.blockSize == blockSize)
    }
  }

  @Test("Odd inputs and gradients that nothing reaches are said")
  func warnings() throws {
    func warnings(_ change: (inout AttentionCase) throws -> Void) throws -> [String] {
      var attentionCase = try Kernel(factor: 1).attentionCase
      try change(&attentionCase)
      let tensors = try Implementation(.sequentialProduct).evaluate(attentionCase)
      return try TestFiles.withTemporary { path in
        var file = TensorFileWriter()
        var written = tensors
        for (tensor, entries) in attentionCase.inputs.tensors { written[tensor] = entries.entries }
        written[.do] = attentionCase.outputCotangent
        for (tensor, entries) in written {
          try file.add(
            tensor.rawValue, shape: attentionCase.inputs.shape.dimensions(of: tensor), entries, as: .float64)
        }
        try file.write(to: path)
        return try crossCheck(CrossCheckRequest(inputs: path, studiesVariants: false)).warnings
      }
    }
    func has(_ text: String, _ warnings: [String]) -> Bool { warnings.contains { $0.contains(text) } }
    #expect(try warnings { _ in }.isEmpty)
    #expect(
      has(
        "‖w‖ is not 1 in 80 of 80",
        try warnings { $0.inputs = try $0.inputs.replacing(w: $0.inputs.w.entries.map { 0.9 * $0 }) }))
    #expect(
      has(
        "β lies outside [0, 2] at 1 of 80",
        try warnings {
          $0.inputs = try $0.inputs.replacing(beta: $0.inputs.beta.entries.enumerated().map { $0 == 3 ? -0.1 : $1 })
        }))
    #expect(
      has(
        "g is positive at 80 of 80",
        try warnings { $0.inputs = try $0.inputs.replacing(g: [Double](repeating: 0.9, count: 80)) }))
    #expect(has("do is zero everywhere", try warnings { $0.outputCotangent = $0.outputCotangent?.map { _ in 0 } }))
    // Only the first token, which sees itself alone: nothing but dv is reached.
    #expect(
      has(
        "no cotangent reaches dq, dk, dw, dbeta",
        try warnings { $0.outputCotangent = $0.outputCotangent?.enumerated().map { $0 < 8 ? $1 : 0 } }))
  }
}
