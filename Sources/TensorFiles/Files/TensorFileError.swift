/// What is wrong with a file, or with a request to one. The description is one line, whatever the file contains.
public enum TensorFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(file: String, reason: String)
  /// The file cannot be written.
  case unwritable(file: String, reason: String)
  /// The file is there already, and overwriting was not asked for.
  case exists(file: String)
  /// The length of the header makes no sense.
  case headerLength(file: String, expected: String, found: UInt64)
  /// The header is not the JSON it should be.
  case header(file: String, byte: Int, expected: String, found: String)
  /// An entry of the header contradicts itself, another one, or the size of the file.
  case entry(file: String, tensor: String, expected: String, found: String)
  /// There is no tensor of this name.
  case missing(file: String, tensor: String)
  /// The elements are not of a type that was asked for.
  case elementType(file: String, tensor: String, expected: String, found: String)
  /// An integer does not fit.
  case outOfRange(file: String, tensor: String, expected: String, found: String)
  /// The bytes after the header are more than those of the tensors.
  case trailingBytes(file: String, expected: Int, found: Int)

  /// One line that names the file, the tensor, what was expected and what was found.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason): "\(file.printable): cannot be read: \(reason.printable)"
    case .unwritable(let file, let reason): "\(file.printable): cannot be written: \(reason.printable)"
    case .exists(let file): "\(file.printable): the file exists and is not overwritten"
    case .headerLength(let file, let expected, let found):
      "\(file.printable): the header must be \(expected) bytes long, found \(found)"
    case .header(let file, let byte, let expected, let found):
      "\(file.printable): byte \(byte) of the header: expected \(expected.excerpt()), found \(found.excerpt())"
    case .entry(let file, let tensor, let expected, let found):
      "\(file.printable): tensor '\(tensor.excerpt())' must have \(expected.excerpt()), found \(found.excerpt())"
    case .missing(let file, let tensor): "\(file.printable): tensor '\(tensor.excerpt())' is missing"
    case .elementType(let file, let tensor, let expected, let found):
      "\(file.printable): tensor '\(tensor.excerpt())' must have dtype \(expected), found \(found.excerpt())"
    case .outOfRange(let file, let tensor, let expected, let found):
      "\(file.printable): tensor '\(tensor.excerpt())' must have elements \(expected), found \(found)"
    case .trailingBytes(let file, let expected, let found):
      "\(file.printable): the tensors take \(expected) bytes, found \(found)"
    }
  }
}
