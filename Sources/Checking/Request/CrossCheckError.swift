import PathAttention
import Problems
import TensorFiles

/// Why a comparison could not be made. Each is one line that names the file, the tensor, what was expected and found.
public enum CrossCheckError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file cannot be read or written.
  case file(TensorFileError)
  /// A tensor that is needed is not there.
  case missing(file: String, tensor: String, reason: String)
  /// A tensor is there that cannot be read as what it seems to be.
  case unread(file: String, tensor: String, reason: String)
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
  /// There are no tokens.
  case empty(file: String, tensor: String, shape: [Int])
  /// There is not enough memory.
  case memory(file: String, MemoryShortage)
  /// The reference itself overflows for these inputs.
  case referenceOverflow(file: String, tensor: String, place: Place)

  /// One line for a person.
  public var description: String {
    switch self {
    case .file(let error):
      "\(error)"
    case .missing(let file, let tensor, let reason):
      "\(file.printable): tensor '\(tensor.excerpt())' is missing; \(reason.excerpt(400))"
    case .unread(let file, let tensor, let reason):
      "\(file.printable): tensor '\(tensor.excerpt())' \(reason.excerpt(400))"
    case .shape(let file, let tensor, let expected, let found, let hint):
      "\(file.printable): tensor '\(tensor.excerpt())' must have shape \(expected.excerpt()), found "
        + "\(found)".excerpt() + (hint.map { "; \($0)" } ?? "")
    case .layout(let file, let problem, let suggestion):
      "\(file.printable): \(problem); all shapes fit with \(suggestion)"
    case .metadata(let file, let key, let expected, let found):
      "\(file.printable): metadata '\(key)' must be \(expected), found '\(found.excerpt())'"
    case .notFinite(let file, let tensor, let place, let value):
      "\(file.printable): input tensor '\(tensor.excerpt())' must be finite, found \(value) at \(place)"
    case .inputs(let file, let error):
      "\(file.printable): \("\(error)".excerpt(2000))"
    case .profile(let file, let problem):
      "\(file.printable): not a profile: \(problem.excerpt(2000))"
    case .nothingToCompare(let file, let expected):
      "\(file.printable): there is nothing to compare; expected at least one of \(expected.excerpt(400))"
    case .empty(let file, let tensor, let shape):
      "\(file.printable): there is nothing to compare: tensor '\(tensor.excerpt())' has shape \(shape), without a token"
    case .memory(let file, let shortage):
      "\(file.printable): \(shortage)"
    case .referenceOverflow(let file, let tensor, let place):
      "\(file.printable): the Float64 reference of '\(tensor)' is not finite at \(place); the inputs are too large to judge by"
    }
  }
}
