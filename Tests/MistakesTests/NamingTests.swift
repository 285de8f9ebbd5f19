import Judging
import Mistakes
import NumberFormats
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

/// The generated discriminating cases do what they are for: a kernel in bfloat16 with a known mistake fails on them, and is
/// told which.
@Suite struct NamingTests {
  /// A discriminating case as it stands in Fixtures.
  struct Fixture {
    let attentionCase: AttentionCase
    private let reference: [AttentionTensor: [Double]]
    private let envelope: Envelope
    private let gallery: VariantGallery

    init(_ name: String) throws {
      let path = TestFiles.fixtures.appending(path: "generated/\(name).safetensors").path
      attentionCase = try AttentionCase(generated: try TensorFile(path: path))
      reference = try Implementation(.sequentialProduct).evaluate(attentionCase)
      envelope = try Envelope(
        attentionCase, reference: reference, profile: .bf16, activation: .bfloat16,
        formats: Dictionary(uniqueKeysWithValues: reference.keys.map { ($0, Self.format($0)) }))
      gallery = try VariantGallery(attentionCase, keepsResults: true)
    }

    /// What a kernel of the profile bf16 with a mistake writes. The seed is one that no envelope uses.
    func kernel(_ variant: Variant, blockSize: Int) throws -> [AttentionTensor: [Double]] {
      try variant.evaluate(
        attentionCase, blockSize: blockSize,
        rounding: NumericsProfile.bf16.stochasticRounding(activation: .bfloat16, seed: 20_261_125))
    }

    /// The format in which the profile bf16 writes a tensor.
    private static func format(_ tensor: AttentionTensor) -> NumberFormat {
      NumericsProfile.bf16.format(at: RoundingPoint(rawValue: tensor.rawValue)!, activation: .bfloat16)
    }

    /// What a cross-check of some outputs finds; nil if it lets them pass.
    func diagnosis(_ outputs: [AttentionTensor: [Double]]) throws -> Diagnosis? {
      try VariantStudy(gallery, reference: reference, candidate: outputs, envelope: envelope).diagnosis
    }
  }

  /// What the discriminating cases say they cannot show, and why.
  static let unseen: [String: String] = [
    "dlse.ignored": "there is no cotangent of lse",
    "dg.columnsOnly": "rows of dS sum to zero unless lse has a cotangent",
    "gradient.rounded(bfloat16)": "gradients are written in bfloat16 anyway",
  ]

  @Test("Every known mistake, made by a kernel in bfloat16, fails and is called by its name, and by no other")
  func rate() throws {
    let fixtures = try ["discriminating-packed-bf16", "discriminating-lanes-bf16"].map(Fixture.init)
    var (named, unnamed, passed) = (0, [String](), Set<String>())
    for variant in VariantCatalogue.all where try variant.equivalence() != .equal {
      // The first case on which it fails. To one of them a convention of the gate is no mistake.
      let diagnoses = try fixtures.filter { !variant.isNominal($0.attentionCase.function.gate) }
        .compactMap { try $0.diagnosis($0.kernel(variant, blockSize: 32)) }
      guard let diagnosis = diagnoses.first else {
        passed.insert(variant.id)
        continue
      }
      let names = diagnosis.tensors.filter { $0.outcome == .variant }.flatMap(\.variants)
      #expect(names.allSatisfy { $0 == variant.id }, "\(variant) is called \(names)")
      if names.isEmpty {
        unnamed.append("\(variant): " + diagnosis.tensors.map { "\($0.name) \($0)" }.joined(separator: "; "))
      } else {
        named += 1
      }
    }
    #expect(passed == Set(Self.unseen.keys))
    #expect(named + unnamed.count == 100)
    // 98: not beta.squared, which makes rounding grow without bound, nor ragged.rawQueries in one last block.
    #expect(named >= 96, "\(named) of 99 named; not named: \(unnamed)")
  }
}
