import Foundation
import Judging
import TensorFiles

extension NumericsProfile {
  /// The most bytes of a file, a hundred times what a profile takes.
  private static let largestFile = 1 << 18

  /// The shipped profile of a name, or the one in a JSON file.
  ///
  /// - Throws: `CrossCheckError.profile` when there is neither, or the file is no profile.
  public static func named(_ nameOrFile: String) throws(CrossCheckError) -> NumericsProfile {
    if let profile = shipped.first(where: { $0.name == nameOrFile }) { return profile }
    let names = shipped.map(\.name).joined(separator: ", ")
    let data: Data
    do throws(TensorFileError) {
      let file = try InputFile(path: nameOrFile)
      guard file.size <= largestFile else {
        throw .unreadable(file: nameOrFile, reason: "a profile has at most \(largestFile) bytes, found \(file.size)")
      }
      data = Data(try file.read(0..<file.size))
    } catch .unreadable(_, let reason) {
      throw .profile(file: nameOrFile, "expected \(names) or a file that can be read: \(reason)")
    } catch {
      throw .file(error)
    }
    do {
      return try JSONDecoder().decode(NumericsProfile.self, from: data)
    } catch let error as DecodingError {
      throw .profile(file: nameOrFile, error.oneLine)
    } catch {
      throw .profile(file: nameOrFile, "\(error)")
    }
  }
}

extension DecodingError {
  /// The place in the file, what was expected and what was found.
  fileprivate var oneLine: String {
    func line(_ context: Context, _ key: (any CodingKey)? = nil) -> String {
      let path = (context.codingPath + (key.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
      return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
    }
    return switch self {
    case .keyNotFound(let key, let context): line(context, key)
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): line(context)
    @unknown default: "\(self)"
    }
  }
}
