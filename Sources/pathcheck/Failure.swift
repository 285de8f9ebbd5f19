import ArgumentParser
import Foundation

/// The comparison could not be made: one line on standard error, exit code 2.
struct Failure: Error {
  let message: String

  init(_ message: String) { self.message = message }
}

extension PathCheck {
  /// Parses and runs, with this project's exit codes. A reason why nothing could be compared goes to standard error.
  static func main() {
    keepFreedMemory()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      FileHandle.standardError.write(Data("pathcheck: \(failure.message)\n".utf8))
      exit(withError: ExitCode(2))
    } catch {
      exit(withError: error)
    }
  }
}
