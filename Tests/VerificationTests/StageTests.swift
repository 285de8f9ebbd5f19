import Foundation
import PathAttention
import TensorFiles
import Testing
import Verification

/// Candidates that hand over intermediate results.
@Suite struct StageTests {
  static let problems = [
    "B1 T70 HQ4 H2 K12 V8 block=16 beta=runs gate=scaled.strong seed=3",
    "B1 T90 HQ2 H2 K10 V10 block=16 beta=uniform cu=0,33,34,34,90 seed=4",
    "B2 T37 HQ3 H1 K8 V6 block=16 beta=uniform gate=unscaled.weak seed=5",
    "B1 T11 HQ1 H1 K8 V8 block=16 beta=uniform seed=6",
  ]

  private func check(
    _ kernel: StagedKernel, metadata: [String: String] = [:], stageNames: [Stage: String] = [:],
    only names: (String) -> Bool = { _ in true }
  ) throws -> CrossCheckReport {
    let path = FileManager.default.temporaryDirectory.appending(path: "stages-\(UUID().uuidString).safetensors").path
    try kernel.write(to: path, metadata: metadata, only: names)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try crossCheck(CrossCheckRequest(inputs: path, stageNames: stageNames, studiesVariants: false))
  }

  @Test("An independent kernel that writes down its stages passes in all of them", arguments: problems)
  func honest(line: String) throws {
    let kernel = try StagedKernel(try Problem(line: line))
    let report = try check(kernel)
    #expect(report.intermediates?.map(\.name) == Stage.allCases.map(\.rawValue))
    for tensor in report.judged {
      #expect(tensor.verdict == .pass, "\(tensor.name) \(tensor.envelopeMultiple.value), \(line)")
    }
    #expect(report.verdict == .pass && report.firstWrongStages == nil)
  }

  @Test("Of a kernel with one wrong step, that step is named", arguments: StagedKernel.Fault.allCases)
  func fault(_ fault: StagedKernel.Fault) throws {
    for line in Self.problems[..<3] {
      let kernel = try StagedKernel(try Problem(line: line), fault: fault)
      let report = try check(kernel)
      #expect(report.verdict == .fail)
      #expect(report.firstWrongStages?.map(\.name) == [fault.step], "\(line)")
    }
  }

  @Test("Steps that are not in the file are passed over, and what stands right before the fault is named")
  func gaps() throws {
    let problem = try Problem(line: Self.problems[0])
    let keys = try StagedKernel(problem, fault: .keysWithDiagonal)
    func wrong(_ kernel: StagedKernel, only names: String...) throws -> WrongStage? {
      try check(kernel, metadata: ["block_size": "16"], only: names.contains).firstWrongStages?.first
    }
    #expect(try wrong(keys, only: "adjusted_k", "o", "m_inverse")?.after == ["m_inverse"])
    #expect(try wrong(keys, only: "transform", "m_inverse", "adjusted_k")?.after == ["transform"])
    let last = try #require(try wrong(keys, only: "o", "lse", "m_inverse", "adjusted_q"))
    #expect(last.name == "lse" && last.after == ["adjusted_q"])
    #expect(
      "\(try #require(try wrong(keys, only: "o")))"
        == "o: no step before it is in the file (m_inverse, transform, transformed_w, adjusted_k, adjusted_q, logits, lse)"
    )
    let first = try StagedKernel(problem, fault: .inverseSign)
    #expect(
      "\(try #require(try wrong(first, only: "m_inverse", "o")))"
        == "m_inverse (M⁻¹ = (I + stril(diag(β) W Wᵀ))⁻¹): it is computed from the inputs alone")
  }

  @Test("A fault of the backward pass is found after a right forward pass")
  func gradients() throws {
    let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
    let report = try crossCheck(
      CrossCheckRequest(
        inputs: fixtures.appending(path: "fla-gate-f16-t300-d16.safetensors").path, studiesVariants: false))
    #expect(report.firstWrongStages?.map(\.name) == ["dw"])
    #expect(report.firstWrongStages?.first?.after == ["o"])
  }

  @Test("Blocks of another size are another M⁻¹ and other adjusted keys")
  func otherBlocks() throws {
    let kernel = try StagedKernel(try Problem(line: Self.problems[0]))
    let wrong = try check(kernel, metadata: ["block_size": "32"]) { ["adjusted_k", "o"].contains($0) }
    #expect(wrong.firstWrongStages?.map(\.name) == ["adjusted_k"])
    #expect(wrong.tensors.map(\.verdict) == [.pass])
    // The blocks of the profile are larger than the sequence.
    let silent = try check(kernel) { ["adjusted_k", "o"].contains($0) }
    #expect(silent.warnings.contains { $0.contains("block_size") && $0.contains("64") })
  }

  @Test("Stages that cannot be read give an error that names them")
  func errors() throws {
    let kernel = try StagedKernel(try Problem(line: Self.problems[3]))
    #expect {
      try check(kernel, metadata: ["block_size": "0"]) { ["adjusted_k", "o"].contains($0) }
    } throws: {
      "\($0)".hasSuffix("metadata 'block_size' must be a positive integer, found '0'")
    }
    #expect {
      try check(kernel, stageNames: [.adjustedKeys: "logits"])
    } throws: {
      "\($0)".hasSuffix("tensor 'logits' must have shape [1, 11, 1, 8], found [1, 11, 1, 11]")
    }
    #expect {
      try check(kernel, stageNames: [.inverse: "lse"])
    } throws: {
      "\($0)".hasSuffix("tensor 'lse' must have shape [1, 11, 1] and the rows of a block, found [1, 11, 1]")
    }
  }
}
