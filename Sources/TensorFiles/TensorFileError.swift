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
    let text =
      switch self {
      case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
      case .unwritable(let file, let reason): "\(file): cannot be written: \(reason)"
      case .exists(let file): "\(file): the file exists and is not overwritten"
      case .headerLength(let file, let expected, let found):
        "\(file): the header must be \(expected) bytes long, found \(found)"
      case .header(let file, let byte, let expected, let found):
        "\(file): byte \(byte) of the header: expected \(expected), found \(found)"
      case .entry(let file, let tensor, let expected, let found):
        "\(file): tensor '\(tensor)' must have \(expected), found \(found)"
      case .missing(let file, let tensor): "\(file): tensor '\(tensor)' is missing"
      case .elementType(let file, let tensor, let expected, let found):
        "\(file): tensor '\(tensor)' must have dtype \(expected), found \(found)"
      case .outOfRange(let file, let tensor, let expected, let found):
        "\(file): tensor '\(tensor)' must have elements \(expected), found \(found)"
      case .trailingBytes(let file, let expected, let found):
        "\(file): the tensors take \(expected) bytes, found \(found)"
      }
    return text.printable
  }
}

extension String {
  /// Control characters, which a hostile name may have, as escapes.
  var printable: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator, .format:
        text += scalar.escaped(asASCII: true)
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}
