import ArgumentParser
import Foundation
import Reports
import TensorFiles

/// What was asked for could not be done: a line on standard error, exit code 2.
struct Failure: Error {
  let message: String

  /// - Parameter message: One line. What a terminal would act on is escaped.
  init(_ message: String) { self.message = message.printable }

  /// Several at once, each on a line of its own.
  init(_ failures: [Failure]) { message = failures.map(\.message).joined(separator: "\npathcheck: ") }
}

extension PathCheck {
  /// Parses and runs, with this project's exit codes.
  static func main() {
    StandardStreams.prepare()
    sayWhenTheProgramFails()
    OutputFile.removeUnfinishedWhenInterrupted()
    keepFreedMemory()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      Foundation.exit(end(error))
    }
  }

  /// Says why the program ends, where there is something to say.
  ///
  /// - Returns: The exit code.
  private static func end(_ error: any Error) -> Int32 {
    switch error {
    case is ClosedPipe: return 2
    case let failure as Failure:
      StandardStreams.complain("pathcheck: \(failure.message)\n")
      return 2
    case let code as ExitCode: return code.rawValue
    default: break
    }
    let text = fullMessage(for: error)
    switch exitCode(for: error) {
    case .success:
      // Help, the version.
      do { try StandardStreams.print(text) } catch { return end(error) }
      return 0
    case .validationFailure:
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
      StandardStreams.complain(lines.joined(separator: "\n") + "\n")
      return 64
    default:
      StandardStreams.complain("\(internalError): \("\(error)".excerpt(1000))\n")
      return 70
    }
  }
}

private let internalError = "pathcheck: an error of the program itself, please report it"

/// Makes a trap, which is an error of the program, end in words and with exit code 70.
private func sayWhenTheProgramFails() {
  // A stack of its own, because that of the program may be what is exhausted.
  let size = 1 << 16
  var stack = stack_t()
  stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
  stack.ss_size = size
  sigaltstack(&stack, nil)
  for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE] {
    var action = sigaction()
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = endAfterTrap
    #else
      action.__sigaction_handler.sa_handler = endAfterTrap
    #endif
    action.sa_flags = Int32(SA_ONSTACK)
    sigaction(number, &action, nil)
  }
}

private func endAfterTrap(_ number: Int32) {
  // Nothing that allocates may be called here.
  let text: StaticString = "pathcheck: an error of the program itself, please report it\n"
  _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  _exit(70)
}
