import Mistakes
import NumberFormats
import PathAttention
import Problems
import Testing

/// What the comparison with the catalogue says of candidates.
@Suite struct DiagnosisTests {
  /// A problem, what the definition gives for it, and a tolerance of rounding in Double.
  struct Sample {
    let problem: Problem
    let attentionCase: AttentionCase
    let reference: [AttentionTensor: [Double]]

    init(_ line: String) throws {
      problem = try Problem(line: line)
      attentionCase = AttentionCase(
        try problem.inputs(), gate: problem.convention, outputCotangent: problem.outputCotangent(),
        lseCotangent: problem.lseCotangent())
      reference = try Implementation(.sequentialProduct).evaluate(attentionCase)
    }

    func gallery(
      blockSizes: [Int] = [4], largestWork: Int = VariantGallery.largestWork,
      largestWholeWork: Int = VariantGallery.largestWholeWork, keepsResults: Bool = false
    ) throws -> VariantGallery {
      try VariantGallery(
        attentionCase, blockSizes: blockSizes, largestWork: largestWork, largestWholeWork: largestWholeWork,
        keepsResults: keepsResults)
    }

    func study(_ candidate: [AttentionTensor: [Double]], _ gallery: VariantGallery? = nil) throws -> VariantStudy {
      try VariantStudy(gallery ?? self.gallery(), reference: reference, candidate: candidate) {
        _, reference, candidate, _ in
        let (error, size) = zip(reference, candidate).reduce((0.0, 0.0)) { sums, pair in
          (sums.0 + (pair.0 - pair.1) * (pair.0 - pair.1), sums.1 + pair.0 * pair.0)
        }
        return error == 0 ? 0 : (error / size).squareRoot() / 1e-9
      }
    }

    func results(_ id: String, blockSize: Int = 4) throws -> [AttentionTensor: [Double]] {
      try VariantCatalogue[id]!.implementation(blockSize: blockSize).evaluate(attentionCase)
    }
  }

  /// Three blocks with a last one of three, a segment of two, one that begins inside a block; runs of β near 0 and 2,
  /// correlated w, a strong gate, two query heads on each of two key/value heads.
  static let discriminating = "B1 T18 HQ4 H2 K4 V4 block=4 cu=0,5,7,18 beta=runs w=correlated gate=scaled.strong seed=3"
  /// The same with other lanes for values and the other convention.
  static let other = "B1 T18 HQ4 H2 K4 V6 block=4 cu=0,5,7,18 beta=runs w=correlated gate=unscaled.strong seed=3"

  @Test("Every variant is called by its name on inputs that tell them apart; equal ones are never named")
  func names() throws {
    let samples = try [Sample(Self.discriminating), Sample(Self.other)]
    let galleries = try samples.map { try $0.gallery(keepsResults: true) }
    for variant in VariantCatalogue.all {
      let equivalence = try variant.equivalence()
      let diagnoses = try zip(samples, galleries).compactMap { sample, gallery in
        try sample.study(sample.results(variant.id), gallery).diagnosis
      }
      guard let diagnosis = diagnoses.first else {
        #expect(equivalence == .equal, "\(variant) passes")
        continue
      }
      #expect(equivalence != .equal)
      for tensor in diagnosis.tensors {
        #expect(tensor.outcome == .variant && tensor.variants == [variant.id], "\(variant): \(tensor.name) \(tensor)")
        #expect(tensor.blockSizes == (variant.dependsOnBlockSize ? [4] : nil), "\(variant): \(tensor)")
      }
    }
  }

  @Test("The block size of a variant of blocks is found")
  func blockSize() throws {
    let sample = try Sample("B1 T21 HQ1 H1 K4 V4 beta=uniform seed=4")
    for size in [2, 4, 8] {
      let candidate = try sample.results("block.noIdentity", blockSize: size)
      let tensors = try #require(try sample.study(candidate, sample.gallery(blockSizes: [2, 4, 8])).diagnosis).tensors
      #expect(tensors.allSatisfy { $0.variants == ["block.noIdentity"] && $0.blockSizes == [size] }, "\(tensors)")
    }
  }

  @Test("What no variant explains is said to be unknown, with the nearest")
  func unknown() throws {
    let sample = try Sample(Self.discriminating)
    var candidate = sample.reference
    candidate[.dw] = try zip(sample.reference[.dw]!, sample.results("dw.withoutKeys")[.dw]!).map { 0.1 * $0 + 0.9 * $1 }
    let tensors = try #require(try sample.study(candidate).diagnosis).tensors
    #expect(tensors.count == 1)
    #expect(tensors[0].name == "dw" && tensors[0].outcome == .unknown && tensors[0].variants.isEmpty)
    #expect(tensors[0].nearest == "dw.withoutKeys")
    #expect(abs(try #require(tensors[0].nearestLeaves).value - 1.0 / 9) < 1e-9)
    #expect(
      tensors[0].description.hasPrefix(
        "none of the \(VariantCatalogue.all.count - 1) known variants; nearest dw.withoutKeys, which leaves 11 % of the error; nominal "
      ))
  }

  @Test("What is nearest goes by the whole tensor, and has to leave less than half of the error")
  func nearest() throws {
    let sample = try Sample(Self.discriminating)
    // The mistake, and one row that is off by much besides.
    var candidate = sample.reference
    let wrong = try sample.results("dw.withoutKeys")[.dw]!
    let size = wrong.reduce(0) { max($0, abs($1)) }
    candidate[.dw] = wrong.enumerated().map { $0 / 4 == 9 ? $1 + size / 4 : $1 }
    let both = try #require(try sample.study(candidate).diagnosis).tensors[0]
    #expect(both.nearest == "dw.withoutKeys", "\(both)")
    // One row alone.
    candidate[.dw] = sample.reference[.dw]!.enumerated().map { $0 / 4 == 9 ? $1 + 1e-6 * size : $1 }
    let row = try #require(try sample.study(candidate).diagnosis).tensors[0]
    #expect(row.outcome == .unknown && row.nearest == nil, "\(row)")
    #expect(row.description.hasPrefix("none of the \(VariantCatalogue.all.count - 1) known variants; nominal "))
  }

  @Test("Two mistakes in different tensors are each named; a factor is fitted")
  func twoMistakes() throws {
    let sample = try Sample(Self.discriminating)
    var candidate = sample.reference
    candidate[.dw] = try sample.results("dw.withoutKeys")[.dw]
    candidate[.dk] = sample.reference[.dk]!.map { -2 * $0 }
    let tensors = try #require(try sample.study(candidate).diagnosis).tensors
    #expect(tensors.map(\.name) == ["dk", "dw"])
    #expect(tensors[0].outcome == .transformed && tensors[0].transform == "times -2.0")
    #expect(tensors[1].outcome == .variant && tensors[1].variants == ["dw.withoutKeys"])
  }

  @Test("A variant that contradicts a tensor that passes is not an explanation")
  func contradiction() throws {
    let sample = try Sample(Self.discriminating)
    var candidate = sample.reference
    candidate[.dq] = try sample.results("gate.dropped")[.dq]
    let tensors = try #require(try sample.study(candidate).diagnosis).tensors
    #expect(tensors.map(\.outcome) == [.unknown] && tensors[0].nearest == "gate.dropped")
  }

  @Test("Heads in another order, the other layout, zeros and base 2 are fitted")
  func transforms() throws {
    let sample = try Sample("B2 T9 HQ3 H3 K2 V2 beta=uniform seed=8")
    let o = sample.reference[.o]!
    func transform(_ entries: [Double], _ tensor: AttentionTensor = .o) throws -> String? {
      try sample.study([tensor: entries]).diagnosis?.tensors.first?.transform
    }
    /// The lanes of one head of a token, b · 9 + t.
    func lanes(_ row: Int, _ head: Int) -> [Double] { Array(o[(row * 3 + head) * 2..<(row * 3 + head + 1) * 2]) }
    let rotated = (0..<18).flatMap { lanes($0, 2) + lanes($0, 0) + lanes($0, 1) }
    #expect(try transform(rotated) == "with heads in the order 2, 0, 1")
    let transposed = (0..<2).flatMap { batch -> [Double] in
      (0..<3).flatMap { head in (0..<9).flatMap { lanes(batch * 9 + $0, head) } }
    }
    #expect(try transform(transposed) == "laid out as [batch, head, token, lane]")
    #expect(try transform(sample.reference[.dk]!.map { _ in 0 }, .dk) == "all zero")
    #expect(try transform(sample.reference[.lse]!.map { 2 * $0 }, .lse) == "times 2.0 = 2")
    #expect(try transform(o) == nil)
    let lse = try #require(try sample.study([.lse: sample.results("lse.base2")[.lse]!]).diagnosis)
    #expect(lse.tensors[0].variants == ["lse.base2"])
  }

  @Test("NaN in a candidate is no match for anything")
  func nan() throws {
    let sample = try Sample(Self.discriminating)
    var candidate = sample.reference
    candidate[.o]![7] = .nan
    let tensors = try #require(try sample.study(candidate).diagnosis).tensors
    #expect(tensors.map(\.name) == ["o"] && tensors[0].outcome == .notCompared)
    #expect(tensors[0].reason == "it has NaN or infinite entries")
  }

  @Test("Blind spots: what the inputs cannot show is listed, and nothing else")
  func blindSpots() throws {
    let sample = try Sample("B1 T8 HQ2 H1 K3 V3 beta=two w=unit seed=2")
    // Gradients would show which token's β it was.
    let spots = try sample.study([.o: sample.reference[.o]!, .lse: sample.reference[.lse]!]).blindSpots
    let ids = spots.map(\.variant)
    // β is the same everywhere, and there are two whole blocks.
    for id in ["beta.shifted", "ut.betaSide", "product.orthogonal", "block.transposedR", "dw.withoutKeys"] {
      #expect(ids.contains(id), "\(id)")
    }
    for id in ["order.reversed", "interval.left", "block.carryBefore", "lse.base2"] {
      #expect(!ids.contains(id), "\(id)")
    }
    // There is no gate, one head, one segment, K = V.
    for id in [
      "gate.dropped", "gate.unscaled", "ut.gated", "dg.notSummed", "heads.modulo", "dk.summedByModulo",
      "segment.ignored", "block.packedAxis", "value.keyStride", "dv.keyStride",
    ] {
      #expect(!ids.contains(id), "\(id)")
    }
    // Known to be equal, and the definition itself.
    for id in ["gate.carried", "gate.rowConstant", "dg.notRestarted", "dg.columnsOnly", "gate.scaled"] {
      #expect(!ids.contains(id), "\(id)")
    }
    // In one block of eight or more rows the last one may be short; in two of four it is not.
    #expect(spots.first { $0.variant == "ragged.unwritten" }?.blockSizes == [4])
    #expect(spots.allSatisfy { $0.multiple <= 1 })
  }

  @Test("On the discriminating inputs nothing is hidden but what they cannot have")
  func noBlindSpots() throws {
    let sample = try Sample(Self.discriminating)
    #expect(try sample.study(sample.reference).blindSpots.isEmpty)
  }

  @Test("Of long problems a part is studied: whole segments, or leading tokens without what depends on later ones")
  func parts() throws {
    let packed = try Sample("B1 T60 HQ2 H1 K3 V3 cu=0,40,51,60 beta=uniform gate=scaled.strong seed=6")
    let candidate = try packed.results("gate.closed")
    let segments = try #require(
      try packed.study(candidate, packed.gallery(largestWork: 500, largestWholeWork: 0)).diagnosis)
    #expect(segments.note == "compared with variants on 2 of 3 segments")
    #expect(segments.tensors.allSatisfy { $0.variants == ["gate.closed"] }, "\(segments.tensors)")
    let hidden = try packed.study(packed.reference, packed.gallery(largestWork: 500)).blindSpots.map(\.variant)
    #expect(!hidden.contains("heads.modulo") && !hidden.contains("gate.closed"))

    let long = try Sample("B2 T60 HQ2 H1 K3 V3 beta=uniform gate=scaled.strong seed=6")
    let leading = try #require(
      try long.study(long.results("gate.closed"), long.gallery(largestWork: 2 * 30 * 30, largestWholeWork: 0))
        .diagnosis)
    #expect(leading.note == "compared with variants on the first 30 tokens")
    for tensor in leading.tensors {
      let isDetermined = ["o", "lse", "dq"].contains(tensor.name)
      #expect(tensor.outcome == (isDetermined ? .variant : .notCompared), "\(tensor.name) \(tensor)")
      #expect(tensor.variants == (isDetermined ? ["gate.closed"] : []), "\(tensor.name) \(tensor)")
      #expect(tensor.nearest == nil, "\(tensor.name) is compared, and could only be far from everything")
      #expect(
        isDetermined
          || tensor.reason == "it depends on all tokens, and variants were computed for the first 30 only")
    }

    let batch = try #require(
      try long.study(
        long.results("gate.closed"), long.gallery(largestWork: 2 * 60 * 60, largestWholeWork: 0)
      ).diagnosis)
    #expect(batch.note == "compared with variants on 1 of 2 segments")
    #expect(batch.tensors.allSatisfy { $0.variants == ["gate.closed"] }, "\(batch.tensors)")
  }

  @Test("Of long problems all is compared with the variants that the part leaves, and each tensor named")
  func wholeAfterPart() throws {
    let sample = try Sample("B1 T60 HQ4 H2 K3 V3 beta=uniform gate=scaled.strong seed=6")
    for id in ["dk.notSummed", "dsoftmax.withoutDelta", "gate.closed", "dw.withoutTransition", "dv.summedByModulo"] {
      let gallery = try sample.gallery(largestWork: 4 * 30 * 30)
      let diagnosis = try #require(try sample.study(sample.results(id), gallery).diagnosis)
      #expect(diagnosis.note == nil)
      #expect(diagnosis.tensors.allSatisfy { $0.variants == [id] }, "\(id): \(diagnosis.tensors)")
    }
    // What no variant explains is compared with all of them, too.
    var candidate = sample.reference
    candidate[.dk] = candidate[.dk]!.enumerated().map { $0 % 7 == 0 ? 2 * $1 : $1 }
    let unknown = try #require(try sample.study(candidate, sample.gallery(largestWork: 4 * 30 * 30)).diagnosis)
    #expect(unknown.tensors.map(\.outcome) == [.unknown] && unknown.note == nil)
  }

  @Test("What is wrong outside of the part that variants were computed for is not said to be none of them")
  func outsideOfPart() throws {
    let packed = try Sample("B1 T60 HQ2 H1 K3 V3 cu=0,40,51,60 beta=uniform gate=scaled.strong seed=6")
    var candidate = packed.reference
    for entry in 0..<12 { candidate[.o]![entry] += 1 }
    let diagnosis = try #require(
      try packed.study(candidate, packed.gallery(largestWork: 500, largestWholeWork: 0)).diagnosis)
    #expect(diagnosis.tensors.map(\.outcome) == [.notCompared])
    #expect(
      diagnosis.tensors[0].description.hasPrefix(
        "not compared with the \(VariantCatalogue.all.count - 1) known variants: what is wrong lies outside the part"),
      "\(diagnosis.tensors)")
  }

  @Test("A scale is fitted, whatever it is, to logits with and without their gate; and only where it explains o")
  func fittedScale() throws {
    let (scaled, unscaled) = (try Sample(Self.discriminating), try Sample(Self.other))
    for (id, sample) in [
      ("scale.factor(1.7)", scaled), ("scale.factor(0.03)", scaled), ("scale.factor(40)", unscaled),
      ("scale.factor(1.41421)", unscaled), ("scale.logitFactor(0.61)", scaled),
    ] {
      let candidate = try sample.results(id)
      for tensors in [candidate, [.o: candidate[.o]!], [.lse: candidate[.lse]!]] {
        let found = try #require(try sample.study(tensors).diagnosis).tensors
        #expect(found.allSatisfy { $0.outcome == .variant && $0.variants == [id] }, "\(id): \(found)")
      }
    }
    var neither = scaled.reference
    neither[.o] = try zip(scaled.results("scale.factor(0.5)")[.o]!, scaled.results("scale.factor(2)")[.o]!).map {
      $0 + $1
    }
    let found = try #require(try scaled.study(neither).diagnosis).tensors
    #expect(found.allSatisfy { $0.variants.isEmpty }, "\(found)")
  }

  @Test("The sentence of a diagnosis")
  func words() {
    var diagnosis = TensorDiagnosis(
      name: "o", outcome: .variant, variants: ["gate.unscaled"], multiple: ReportNumber(0.8765),
      nominal: ReportNumber(48.3), tried: 93)
    #expect(diagnosis.description == "matches gate.unscaled within 0.88×; nominal 48×")
    diagnosis.blockSizes = [16, 32]
    #expect(diagnosis.description == "matches gate.unscaled (blocks of 16, 32) within 0.88×; nominal 48×")
    diagnosis.nominal = ReportNumber(.nan)
    diagnosis.outcome = .ambiguous
    diagnosis.variants = ["a", "b"]
    #expect(
      diagnosis.description == "matches 2 of the 93 known variants, which are not told apart here: a, b; nominal nan×")
  }
}
