import Foundation
import PathAttention

/// `pathcheck` as a child that can be watched, limited and killed. It starts faster than `Process` does.
struct ChildProcess {
  let identifier: pid_t

  /// - Parameters:
  ///   - arguments: The words of the command line after the program.
  ///   - output: Where standard output goes; it is made empty.
  ///   - error: The same for standard error.
  ///   - shell: Words of a shell before it becomes the program, like `ulimit -f 1`.
  init(_ arguments: [String], output: String, error: String, shell: String? = nil) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, path) in [(STDOUT_FILENO, output), (STDERR_FILENO, error)] {
      posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    }
    let program = try CommandLine.program()
    let words =
      shell.map { ["/bin/bash", "-c", "\($0); exec \"$0\" \"$@\"", program] + arguments } ?? [program] + arguments
    var strings = words.map { strdup($0) } + [nil]
    defer { strings.forEach { free($0) } }
    var identifier = pid_t()
    let result = posix_spawn(&identifier, words[0], &actions, nil, &strings, environ)
    guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: result) ?? .EIO) }
    self.identifier = identifier
  }

  /// How it ended: an exit code, or the negative number of the signal that killed it.
  func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
  }
}
