import Foundation
import PathAttention
import TensorFiles

/// Cases for testing other implementations, with what the definition gives for them.
///
/// Numbers follow from the seed and are rounded to what they are stored in; the reference is that of the rounded numbers, in
/// Float64, rounded once.
public struct GeneratedCases: Sendable {
  private let request: GenerationRequest
  private let cases: [StoredCase]

  /// Generates cases with their references.
  ///
  /// - Throws: `GenerationError` when the request makes no sense.
  /// - Complexity: One forward and backward pass per case, in the form that `crossCheck` would choose.
  public init(_ request: GenerationRequest) throws(GenerationError) {
    try request.validate()
    self.request = request
    var cases: [StoredCase] = []
    for family in CaseFamily.allCases where request.families.contains(family) {
      for generated in try GeneratedCase.cases(family, request) {
        cases.append(try StoredCase(generated, as: request.elementType))
      }
    }
    self.cases = cases
  }

  /// The names of the files, case by case.
  public var fileNames: [String] { cases.map(\.fileName) }

  /// Writes every case into a folder, which is made if it is not there.
  ///
  /// - Parameters:
  ///   - folder: The path of the folder.
  ///   - overwriting: Whether files that are there may be replaced.
  /// - Throws: `GenerationError.file` naming the file that could not be written.
  public func write(to folder: String, overwriting: Bool = false) throws(GenerationError) {
    let url = URL(fileURLWithPath: folder)
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw .file(.unwritable(file: folder, reason: error.localizedDescription))
    }
    for stored in cases {
      do throws(TensorFileError) {
        try stored.file().write(to: url.appending(path: stored.fileName).path, overwriting: overwriting)
      } catch {
        throw .file(error)
      }
    }
  }

  /// What each case is for and, if it is to be measured, which known variants it shows.
  ///
  /// - Parameters:
  ///   - studiesVariants: Whether every variant is run on every case.
  ///   - onProgress: Called from any thread with the fraction of that which is done.
  /// - Throws: `GenerationError`.
  /// - Complexity: A study takes some two hundred forward and backward passes per case, in parallel.
  public func manifest(
    studiesVariants: Bool, onProgress: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws(GenerationError) -> CaseManifest {
    var entries: [CaseManifest.Entry] = []
    var separations: [[VariantPair: Double]] = []
    for (number, stored) in cases.enumerated() {
      let report = { @Sendable [count = cases.count] fraction in onProgress((Double(number) + fraction) / Double(count))
      }
      do throws(AttentionError) {
        let study = studiesVariants ? try CaseStudy(stored, onProgress: report) : nil
        entries.append(try CaseManifest.Entry(stored, shown: study?.shown))
        if stored.generated.family == .discriminating, let study { separations.append(study.separations) }
      } catch {
        throw .numbers(case: stored.generated.name, reason: "\(error)")
      }
    }
    do throws(AttentionError) {
      return CaseManifest(
        seed: request.seed, dtype: request.elementType.rawValue, blockSizes: request.blockSizes, cases: entries,
        separation: separations.isEmpty ? nil : try CaseManifest.Separation(separations))
    } catch {
      throw .numbers(case: "separation", reason: "\(error)")
    }
  }
}

extension GeneratedCase {
  /// The cases of a family.
  package static func cases(_ family: CaseFamily, _ request: GenerationRequest) throws(GenerationError)
    -> [GeneratedCase]
  {
    switch family {
    case .random: try random(request)
    case .discriminating: try discriminating(request)
    case .exact: try exact(request)
    case .adversarial: try adversarial(request)
    }
  }
}
