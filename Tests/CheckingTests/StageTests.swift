import Checking
import Foundation
import Judging
import Mistakes
import NumberFormats
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

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
    try TestFiles.withTemporary { path in
      try kernel.write(to: path, metadata: metadata, only: names)
      return try crossCheck(CrossCheckRequest(inputs: path, stageNames: stageNames, studiesVariants: false))
    }
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
        == "o: no step before it is in the file and passes (m_inverse, transform, transformed_w, adjusted_k, adjusted_q, logits, lse)"
    )
    let first = try StagedKernel(problem, fault: .inverseSign)
    #expect(
      "\(try #require(try wrong(first, only: "m_inverse", "o")))"
        == "m_inverse (M⁻¹ = (I + stril(diag(β) W Wᵀ))⁻¹): it is computed from the inputs alone")
  }

  @Test("Logits are mapped tile by tile: a missing carry is wrong from the second block before the query's own on")
  func logitTiles() throws {
    let problem = try Problem(line: Self.problems[0])
    func tiles(_ fault: StagedKernel.Fault?, only names: [String], _ metadata: [String: String] = [:]) throws
      -> LogitTiles?
    {
      try TestFiles.withTemporary { path in
        try StagedKernel(problem, fault: fault).write(to: path, metadata: metadata, only: names.contains)
        return try detailedCrossCheck(CrossCheckRequest(inputs: path, mapsLogits: true)).logits
      }
    }
    func expect(_ tiles: LogitTiles, wrong: (_ query: Int, _ key: Int) -> Bool) {
      let (side, perBlock) = (tiles.tilesPerSide, 16 / tiles.tileSize)
      #expect(tiles.tileSize == 8 && side == 9 && tiles.multiples.count == 4 * 9 * 9)
      for head in 0..<4 {
        for query in 0..<side {
          for key in 0..<side {
            let multiple = tiles.multiples[(head * side + query) * side + key]
            #expect((multiple == nil) == (key > query))
            guard let multiple else { continue }
            #expect((multiple > 4) == wrong(query / perBlock, key / perBlock), "\(query) \(key): \(multiple)")
          }
        }
      }
    }
    // Its own logits.
    let own = try #require(try tiles(.noCarry, only: ["logits", "o"], ["block_size": "16"]))
    #expect(own.variant == nil)
    expect(own) { $0 - $1 >= 2 }
    // Those of the variant that it matches.
    let variant = try #require(try tiles(.noCarry, only: ["o", "lse"]))
    #expect(variant.variant == "block.noCarry")
    expect(variant) { $0 - $1 >= 2 }
    // Right logits, and a mistake after them.
    let right = try #require(try tiles(nil, only: ["logits", "o"], ["block_size": "16"]))
    expect(right) { _, _ in false }
    // No farther off than a run is by an envelope from the others; were it from one run, twice as far.
    #expect(right.multiples.compactMap { $0 }.max()! <= 1, "\(problem)")
    #expect(try tiles(.binaryLogarithm, only: ["o", "lse"]) == nil)
    #expect(try tiles(nil, only: ["o"]) == nil)
  }

  @Test("Logits that see other keys are infinitely far off there", arguments: ["causal.none", "window.local"])
  func otherKeys(id: String) throws {
    let problem = try Problem(line: "B2 T30 HQ2 H1 K4 V4 beta=uniform seed=8")
    let attentionCase = AttentionCase(try problem.inputs())
    let tensors = try #require(VariantCatalogue[id]).implementation(blockSize: 16).evaluate(attentionCase)
    var file = TensorFileWriter()
    for (tensor, entries) in attentionCase.inputs.tensors.map({ ($0, $1.entries) }) + tensors {
      try file.add(tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries, as: .float64)
    }
    let found = try TestFiles.withTemporary { path in
      try file.write(to: path)
      return try detailedCrossCheck(CrossCheckRequest(inputs: path, mapsLogits: true)).logits
    }
    let tiles = try #require(found)
    #expect(tiles.variant == id)
    let side = tiles.tilesPerSide
    for (index, multiple) in tiles.multiples.enumerated() {
      let (query, key) = (index / side % side * tiles.tileSize, index % side * tiles.tileSize)
      let sees = key < query + tiles.tileSize
      let isLost = id == "window.local" && sees && (query + tiles.tileSize - 1) / 16 > key / 16
      // Tiles of the diagonal have keys after the query.
      let isNew = id == "causal.none" && key + tiles.tileSize > query + 1
      #expect((multiple == .infinity) == (isLost || isNew), "\(query) \(key)")
      #expect((multiple == nil) == (!sees && id == "window.local"), "\(query) \(key)")
    }
  }

  @Test("A fault of the backward pass is found after a right forward pass")
  func gradients() throws {
    let path = TestFiles.fixtures.appending(path: "fla-gate-f16-t300-d16.safetensors").path
    let report = try crossCheck(CrossCheckRequest(inputs: path, studiesVariants: false))
    #expect(report.firstWrongStages?.map(\.name) == ["dw"])
    #expect(report.firstWrongStages?.first?.after == ["o"])
  }

  @Test("Blocks of another size are another M⁻¹ and other adjusted keys")
  func otherBlocks() throws {
    let kernel = try StagedKernel(try Problem(line: Self.problems[0]))
    let wrong = try check(kernel, metadata: ["block_size": "32"]) { ["adjusted_k", "o"].contains($0) }
    #expect(wrong.firstWrongStages?.map(\.name) == ["adjusted_k"])
    #expect(wrong.tensors.map(\.verdict) == [.pass])
    let right = try check(kernel, metadata: ["block_size": "16"]) { ["adjusted_k", "o"].contains($0) }
    #expect(right.verdict == .pass)
    // Where it is off is counted in the blocks of the file.
    let location = try #require(wrong.intermediates?.first?.location)
    #expect(location.byBlock.count == 3 && location.byPlaceInBlock.count == 32)
    // The blocks of the profile are larger than the sequence.
    let silent = try check(kernel) { ["adjusted_k", "o"].contains($0) }
    #expect(silent.warnings.contains { $0.contains("block_size") && $0.contains("64") })
  }

  @Test("A stage may be off by half an ulp of what it is stored in, however exact the kernel is")
  func coarseStorage() throws {
    let problem = try Problem(line: "B1 T20 HQ1 H1 K8 V8 block=16 beta=uniform seed=9")
    let inputs = try problem.inputs()
    let keys = try blockIntermediates(inputs, segment: 0, queryHead: 0, blockSize: 16).flatMap(\.K̂.entries)
    var file = TensorFileWriter(metadata: ["block_size": "16"])
    for (tensor, entries) in inputs.tensors.map({ ($0, $1.entries) }) + [(.o, try attention(inputs).o.entries)] {
      try file.add(tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries, as: .float64)
    }
    try file.add("adjusted_k", shape: problem.shape.dimensions(of: .k), keys, as: .bfloat16)
    let report = try TestFiles.withTemporary { path in
      try file.write(to: path)
      return try crossCheck(CrossCheckRequest(inputs: path, studiesVariants: false))
    }
    #expect(report.profile.name == "f64" && report.verdict == .pass, "\(problem)")
  }

  @Test("Stages that cannot be read give an error that names them")
  func errors() throws {
    let kernel = try StagedKernel(try Problem(line: Self.problems[3]))
    for size in ["0", "4097", "sixteen"] {
      #expect {
        try check(kernel, metadata: ["block_size": size]) { ["adjusted_k", "o"].contains($0) }
      } throws: {
        "\($0)".hasSuffix("metadata 'block_size' must be an integer from 1 to 4096, found '\(size)'")
      }
    }
    #expect {
      try check(kernel, stageNames: [.K̂: "logits"])
    } throws: {
      "\($0)".contains("tensor 'logits' cannot be both adjusted_k and logits")
    }
    #expect {
      try check(kernel, stageNames: [.inverse: "lse"])
    } throws: {
      "\($0)".contains("tensor 'lse' cannot be both lse and m_inverse")
    }
  }
}
