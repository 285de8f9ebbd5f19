import Foundation
import Reports
import TensorFiles

/// Standard output has been closed by whoever read it, as `head` does: a reason to end, and nothing to talk about.
struct ClosedPipe: Error {}

/// Standard output and standard error, which may be full, or closed, or gone.
enum StandardStreams {
  /// Makes sure that they are there, for the start of the program: a file that is opened while one of them is closed would
  /// take its place, and be printed into. Writing to a closed pipe, or more than a file may have, becomes an error instead of a
  /// signal.
  static func prepare() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) == -1 {
      // The lowest free descriptor is the one that is missing. Opened so that what it is for fails, as before.
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  }

  /// Writes to standard output.
  ///
  /// - Throws: `ClosedPipe` when nobody reads any more, `Failure` when it cannot be written for another reason.
  static func write(_ data: Data) throws {
    switch FileSystem.write(data, to: STDOUT_FILENO) {
    case nil: return
    case EPIPE: throw ClosedPipe()
    case EBADF: throw Failure("standard output is closed")
    case let code?: throw Failure("standard output cannot be written: \(FileSystem.reason(code, "-"))")
    }
  }

  /// Writes lines to standard output.
  static func print(_ text: String) throws { try write(Data("\(text)\n".utf8)) }

  /// Writes to standard error. Where that fails there is nobody left to tell.
  static func complain(_ text: String) { _ = FileSystem.write(Data(text.utf8), to: STDERR_FILENO) }
}
