import PathAttention
import TensorFiles

/// Why a comparison could not be made. Each is one line that names the file, the tensor, what was expected and found.
public enum CrossCheckError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file cannot be read or written.
  case file(TensorFileError)
  /// A tensor that is needed is not there.
  case missing(file: String, tensor: String, reason: String)
  /// A tensor has a shape that does not fit the others.
  case shape(file: String, tensor: String, expected: String, found: [Int], hint: String?)
  /// The sizes do not make sense in this order of axes, and do in another.
  case layout(file: String, problem: String, suggestion: String)
  /// A metadata string does not say what it should.
  case metadata(file: String, key: String, expected: String, found: String)
  /// An input is NaN or infinite.
  case notFinite(file: String, tensor: String, place: Place, value: Double)
  /// An argument is out of range, or the inputs contradict each other.
  case inputs(file: String, AttentionError)
  /// There is no such profile, or the file is none.
  case profile(file: String, String)
  /// There is nothing to compare.
  case nothingToCompare(file: String, expected: String)
  /// The reference itself overflows for these inputs.
  case referenceOverflow(file: String, tensor: String, place: Place)

  /// One line for a person.
  public var description: String {
    switch self {
    case .file(let error):
      "\(error)"
    case .missing(let file, let tensor, let reason):
      "\(file): tensor '\(tensor)' is missing; \(reason)"
    case .shape(let file, let tensor, let expected, let found, let hint):
      "\(file): tensor '\(tensor)' must have shape \(expected), found \(found)" + (hint.map { "; \($0)" } ?? "")
    case .layout(let file, let problem, let suggestion):
      "\(file): \(problem); all shapes fit with \(suggestion)"
    case .metadata(let file, let key, let expected, let found):
      "\(file): metadata '\(key)' must be \(expected), found '\(found)'"
    case .notFinite(let file, let tensor, let place, let value):
      "\(file): input tensor '\(tensor)' must be finite, found \(value) at \(place)"
    case .inputs(let file, let error):
      "\(file): \(error)"
    case .profile(let file, let problem):
      "\(file): not a profile: \(problem)"
    case .nothingToCompare(let file, let expected):
      "\(file): there is nothing to compare; expected at least one of \(expected)"
    case .referenceOverflow(let file, let tensor, let place):
      "\(file): the Float64 reference of '\(tensor)' is not finite at \(place); the inputs are too large to judge by"
    }
  }
}
