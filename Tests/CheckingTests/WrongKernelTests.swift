import Checking
import Foundation
import Judging
import Mistakes
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

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

  @Test("What kernels in PyTorch computed that have a mistake is called by its name")
  func otherKernels() throws {
    let folder = TestFiles.fixtures.appending(path: "wrong")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count == 5)
    for name in names {
      let report = try crossCheck(CrossCheckRequest(inputs: folder.appending(path: name).path))
      let diagnosis = try #require(report.diagnosis, "\(name)")
      let id = name.replacing(".safetensors", with: "")
      for tensor in diagnosis.tensors {
        #expect(tensor.outcome == .variant && tensor.variants == [id], "\(id): \(tensor.name) \(tensor)")
      }
    }
  }

  @Test("A wrong dS is told from a wrong path behind it")
  func scoreCotangent() throws {
    try CaseFile.withDiscriminating { _, file in
      let inputs = file.attentionCase.inputs
      let (o, cotangent) = (try file.honest(seed: 5)[.o]!, file.attentionCase.outputCotangent!)
      let (V, rows) = (inputs.shape.valueDim, inputs.shape.tokens * inputs.shape.queryHeads)
      let δ = (0..<rows).map { row in
        (row * V..<(row + 1) * V).reduce(0) { $0 + o[$1] * cotangent[$1] }
      }
      // dS = P ∘ (do Vᵀ − δ′) is what a cotangent δ − δ′ of the log-sum-exp leads to.
      func cause(_ wrong: (Int) -> Double, _ change: (inout [AttentionTensor: [Double]]) -> Void = { _ in }) throws
        -> Diagnosis
      {
        var other = file.attentionCase
        other.lseCotangent = (0..<rows).map { δ[$0] - wrong($0) }
        var tensors = try Implementation(.blockwise()).evaluate(other)
        change(&tensors)
        return try #require(try file.check(tensors).diagnosis)
      }
      // δ stored as [token, head] and read as [head, token].
      let (T, HQ) = (inputs.shape.tokens, inputs.shape.queryHeads)
      let transposed = try cause { δ[$0 % HQ * T + $0 / HQ] }
      #expect(
        transposed.cause?.hasPrefix("dv is right, and dq, dk, dw, dbeta and dg are wrong but keep the identities")
          == true,
        "\(transposed)")
      #expect(transposed.tensors.allSatisfy { $0.outcome == .unknown })
      // One of another batch or row.
      #expect(try cause { δ[($0 + HQ) % rows] }.cause != nil)
      // What has a name needs no other words.
      let missing = try cause { _ in 0 }
      #expect(missing.cause == nil && missing.tensors.allSatisfy { $0.variants == ["dsoftmax.withoutDelta"] })
      // dS is not to blame for what does not keep the identities, or where dv is wrong too.
      #expect(try cause({ δ[$0 % HQ * T + $0 / HQ] }) { $0[.dw] = $0[.dw]!.map { 1.5 * $0 } }.cause == nil)
      #expect(try cause({ δ[$0 % HQ * T + $0 / HQ] }) { $0[.dv]![3] += 10 }.cause == nil)
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
      blockSize: 64, Self.profile.stochasticRounding(activation: .bfloat16, seed: 1_000_000 + seed))
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
      try wrong.evaluate(blockSize: 64, CaseFile.profile.nearestRounding(activation: .bfloat16))
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
    for (id, scale) in [
      ("scale.none", 1), ("scale.twice", right.function.scale * right.function.scale),
      ("scale.factor(1.7)", 1.7 * right.function.scale),
      ("scale.factor(0.3)", 0.3 * right.function.scale),
    ] {
      var wrong = right
      wrong.function.scale = scale
      kernels.append((id, try run(wrong)))
    }
    var other = right
    other.function.gate = right.function.gate == .scaled ? .unscaled : .scaled
    kernels.append(("gate.\(other.function.gate.rawValue)", try run(other)))
    var dropped = try run(changed(g: 0))
    dropped[.dg] = dropped[.dg]!.map { _ in 0 }
    kernels.append(("gate.dropped", dropped))
    var none = try run(changed { _ in 0 })
    for tensor in [AttentionTensor.dw, .dbeta] { none[tensor] = none[tensor]!.map { _ in 0 } }
    kernels.append(("product.none", none))
    for tensor in [AttentionTensor.dk, .dv] {
      kernels.append(("\(tensor).summedByModulo", try run(right).merging([tensor: byModulo(tensor, right)]) { $1 }))
    }
    kernels.append(("gate.summedByBlock", try gateByBlock(right)))
    kernels.append(("causal.zeroInSum", try zerosInSum(right)))
    return kernels

    /// A gradient summed over query heads h mod H, from one run for each query head.
    func byModulo(_ tensor: AttentionTensor, _ right: AttentionCase) throws -> [Double] {
      let lanes = tensor == .dv ? shape.valueDim : shape.keyDim
      var sum = [Double](repeating: 0, count: shape.tokens * shape.heads * lanes)
      for head in 0..<shape.queryHeads {
        var one = right
        one.outputCotangent = right.outputCotangent!.enumerated().map {
          $0 / shape.valueDim % shape.queryHeads == head ? $1 : 0
        }
        let gradient = try run(one)[tensor]!
        for token in 0..<shape.tokens {
          let (from, to) = (token * shape.heads + head / shape.groupSize, token * shape.heads + head % shape.heads)
          for lane in 0..<lanes { sum[to * lanes + lane] += gradient[from * lanes + lane] }
        }
      }
      return sum
    }

    /// The definition with gates that take back the sum of the block before at the start of each block.
    func gateByBlock(_ right: AttentionCase) throws -> [AttentionTensor: [Double]] {
      let (HQ, inputs) = (shape.queryHeads, right.inputs)
      let blocks = inputs.segments.flatMap { segment in
        stride(from: segment.lowerBound, to: segment.upperBound, by: 16).map {
          (segment: segment, tokens: $0..<min($0 + 16, segment.upperBound))
        }
      }
      var g = inputs.g!.entries
      for (segment, tokens) in blocks where tokens.lowerBound > segment.lowerBound {
        for head in 0..<HQ {
          for token in tokens.lowerBound - 16..<tokens.lowerBound {
            g[tokens.lowerBound * HQ + head] -= inputs.g!.entries[token * HQ + head]
          }
        }
      }
      var wrong = right
      wrong.inputs = try AttentionInputs(
        shape: shape, q: inputs.q.entries, k: inputs.k.entries, v: inputs.v.entries, w: inputs.w.entries,
        beta: inputs.beta.entries, g: g, segmentBoundaries: [0] + inputs.segments.map(\.upperBound))
      var tensors = try run(wrong)
      let dg = tensors[.dg]!
      for (segment, tokens) in blocks where tokens.upperBound < segment.upperBound {
        for token in tokens {
          for head in 0..<HQ { tensors[.dg]![token * HQ + head] -= dg[tokens.upperBound * HQ + head] }
        }
      }
      return tensors
    }

    /// With n masked logits of 0 in a row, o is s = 1/(1 + n exp(−lse)) times what it should be.
    func zerosInSum(_ right: AttentionCase) throws -> [AttentionTensor: [Double]] {
      let (V, HQ, outputs) = (shape.valueDim, shape.queryHeads, try run(right))
      var hidden = [Double](repeating: 0, count: shape.tokens)
      for segment in right.inputs.segments {
        for token in segment {
          let offset = token - segment.lowerBound
          hidden[token] = Double(min(segment.count, offset - offset % 16 + 16) - offset - 1)
        }
      }
      let (o, lse, cotangent) = (outputs[.o]!, outputs[.lse]!, right.outputCotangent!)
      let s = lse.indices.map { 1 / (1 + hidden[$0 / HQ] * exp(-lse[$0])) }
      var wrong = right
      wrong.outputCotangent = cotangent.enumerated().map { s[$0 / V] * $1 }
      wrong.lseCotangent = s.indices.map { row in
        (row * V..<(row + 1) * V).reduce(0) { $0 + o[$1] * cotangent[$1] } * s[row] * (1 - s[row])
      }
      // The emulation knows no cotangent of the log-sum-exp, so this kernel rounds what it writes and nothing else.
      var tensors = try Implementation(.blockwise()).evaluate(wrong)
      tensors[.o] = o.enumerated().map { s[$0 / V] * $1 }
      tensors[.lse] = lse.indices.map { lse[$0] - log(s[$0]) }
      return tensors
    }
  }
}
