import Foundation
import PathAttention
import TensorFiles
import Testing
import Verification

/// Wrong kernels in bf16 that owe nothing to the programs of the variants, from file to diagnosis.
@Suite struct WrongKernelTests {
  @Test("A kernel whose mistake is another input or option of the definition is called by the name of the mistake")
  func kernels() throws {
    try CaseFile.withDiscriminating { packed, lanes in
      for file in [packed, lanes] {
        for (id, kernel) in try WrongKernel.all(file.attentionCase) {
          let report = try file.check(kernel)
          #expect(report.verdict == .fail, "\(id)")
          #expect(names(id, report), "\(id): \(report.diagnosis?.tensors.map { "\($0.name) \($0)" } ?? [])")
        }
      }
    }
  }

  @Test("Factors and orders of a whole tensor are told in bf16, whichever way they change the size of its errors")
  func transforms() throws {
    try CaseFile.withDiscriminating { _, file in
      let honest = try file.honest(seed: 5)
      func transform(_ tensor: AttentionTensor, _ change: ([Double]) -> [Double]) throws -> String? {
        var candidate = honest
        candidate[tensor] = change(honest[tensor]!)
        let diagnosed = try file.check(candidate).diagnosis?.tensors
        #expect(diagnosed?.map(\.name) == [tensor.rawValue])
        return diagnosed?.first?.transform
      }
      #expect(try transform(.dv) { $0.map { 300 * $0 } }?.hasPrefix("times 30") == true)
      #expect(try transform(.dq) { $0.map { $0 / 0.375 } }?.hasSuffix("= 1/scale") == true)
      #expect(try transform(.lse) { $0.map { $0 / log(2) } } == nil, "that is a variant")
      let lanes = file.attentionCase.inputs.shape.valueDim
      #expect(
        try transform(.o) { o in
          (0..<o.count / lanes).flatMap { o[($0 ^ 1) * lanes..<(($0 ^ 1) + 1) * lanes] }
        } == "with heads in the order 1, 0, 3, 2")
    }
  }

  /// Whether a report calls a candidate by a name. Any other name is an issue.
  private func names(_ id: String, _ report: CrossCheckReport) -> Bool {
    let found = report.diagnosis?.tensors.filter { $0.outcome == .variant }.flatMap(\.variants) ?? []
    #expect(found.allSatisfy { $0 == id }, "\(id) is called \(found)")
    return !found.isEmpty
  }
}

/// A generated case as a kernel is given it, in a folder that goes away.
private struct CaseFile {
  private let url: URL
  let attentionCase: AttentionCase
  static let profile = NumericsProfile.usual(for: .bfloat16)

  /// The two discriminating cases for blocks of 16: with packed segments, and with K ≠ V.
  static func withDiscriminating(_ body: (CaseFile, CaseFile) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "wrong-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cases = try GeneratedCases(GenerationRequest(families: [.discriminating], blockSizes: [16]))
    try cases.write(to: folder.path)
    let files = try cases.fileNames.map { try CaseFile(folder.appending(path: $0)) }
    try body(files[0], files[1])
  }

  private init(_ url: URL) throws {
    self.url = url
    attentionCase = try AttentionCase(generated: try TensorFile(path: url.path))
  }

  /// What an honest kernel computes.
  func honest(seed: UInt64) throws -> [AttentionTensor: [Double]] {
    // The envelope's runs start from other seeds.
    try attentionCase.evaluate(
      Self.profile, Self.profile.stochasticRounding(activation: .bfloat16, seed: 1_000_000 + seed))
  }

  /// Writes a candidate as kernels write, and checks it.
  func check(_ candidate: [AttentionTensor: [Double]]) throws -> CrossCheckReport {
    let path = url.deletingLastPathComponent().appending(path: "candidate.safetensors").path
    var file = TensorFileWriter()
    for (tensor, entries) in candidate {
      try file.add(
        tensor.rawValue, shape: attentionCase.inputs.shape.dimensions(of: tensor), entries,
        as: [.lse, .dw, .dbeta, .dg].contains(tensor) ? .float32 : .bfloat16)
    }
    try file.write(to: path, overwriting: true)
    return try crossCheck(CrossCheckRequest(inputs: url.path, candidate: path))
  }
}

/// Kernels with mistakes that are the definition of something else, so that they can be run with rounding. Not squared β,
/// by which reflections grow, and rounding errors with them until nothing can be told.
private enum WrongKernel {
  /// What each computes for a case, by the id of the variant that it is.
  static func all(_ right: AttentionCase) throws -> [(id: String, tensors: [AttentionTensor: [Double]])] {
    let shape = right.inputs.shape
    let beta = right.inputs.beta.entries
    func changed(
      beta: (Double) -> Double = { $0 }, w factor: Double = 1, g gateFactor: Double = 1, isPacked: Bool = true
    ) throws -> AttentionCase {
      var wrong = right
      let inputs = right.inputs
      wrong.inputs = try AttentionInputs(
        shape: shape, q: inputs.q.entries, k: inputs.k.entries, v: inputs.v.entries,
        w: inputs.w.entries.map { factor * $0 }, beta: inputs.beta.entries.map(beta),
        g: inputs.g!.entries.map { gateFactor * $0 },
        segmentBoundaries: isPacked ? [0] + inputs.segments.map(\.upperBound) : nil)
      return wrong
    }
    func run(_ wrong: AttentionCase) throws -> [AttentionTensor: [Double]] {
      try wrong.evaluate(CaseFile.profile, CaseFile.profile.nearestRounding(activation: .bfloat16))
    }
    func run(
      _ wrong: AttentionCase, _ tensor: AttentionTensor, _ pullBack: (Int, Double) -> Double
    ) throws -> [AttentionTensor: [Double]] {
      var tensors = try run(wrong)
      tensors[tensor] = tensors[tensor]!.enumerated().map(pullBack)
      return tensors
    }
    var kernels = [
      ("beta.half", try run(changed { $0 / 2 }, .dbeta) { $1 / 2 }),
      ("beta.minusOne", try run(changed { $0 - 1 })),
      ("beta.one", try run(changed { _ in 1 }, .dbeta) { _, _ in 0 }),
      ("beta.clipped(1.95)", try run(changed { min($0, 1.95) }, .dbeta) { beta[$0] > 1.95 ? 0 : $1 }),
      ("w.unnormalised(1.1)", try run(changed(w: 1.1), .dw) { 1.1 * $1 }),
      ("lse.base2", try run(right, .lse) { $1 / log(2) }),
    ]
    if right.inputs.segments.count > 1 {
      kernels.append(("segment.ignored", try run(changed(isPacked: false))))
    }
    for (id, scale) in [("scale.none", 1), ("scale.twice", right.scale! * right.scale!)] {
      var wrong = right
      wrong.scale = scale
      kernels.append((id, try run(wrong)))
    }
    var other = right
    other.gate = right.gate == .scaled ? .unscaled : .scaled
    kernels.append(("gate.\(other.gate.rawValue)", try run(other)))
    var dropped = try run(changed(g: 0))
    dropped[.dg] = dropped[.dg]!.map { _ in 0 }
    kernels.append(("gate.dropped", dropped))
    var none = try run(changed { _ in 0 })
    for tensor in [AttentionTensor.dw, .dbeta] { none[tensor] = none[tensor]!.map { _ in 0 } }
    kernels.append(("product.none", none))
    return kernels
  }
}
