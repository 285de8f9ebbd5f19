import Foundation

/// An open file that is read piece by piece.
///
/// It is read and not mapped: a mapped file that somebody shortens kills its reader.
package final class InputFile: Sendable {
  /// Where the file is.
  package let path: String
  /// Its size in bytes.
  package let size: Int
  private let descriptor: Int32
  private let seconds: Int
  private let nanoseconds: Int

  /// Opens a file, and nothing else: who waits for the other end of a pipe waits for ever.
  ///
  /// - Throws: `TensorFileError.unreadable` saying what stands there instead, or what is in the way.
  package init(path: String) throws(TensorFileError) {
    func unreadable(_ reason: String) -> TensorFileError { .unreadable(file: path, reason: reason) }
    // Looked at before it is opened, because opening alone has effects on some devices.
    guard let found = FileSystem.status(path) else { throw unreadable(FileSystem.reason(errno, path)) }
    guard FileKind(found) == .regular else { throw unreadable(FileKind(found).sentence) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(FileSystem.reason(errno, path)) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, FileKind(status) == .regular else {
      close(descriptor)
      throw unreadable(FileKind(status).sentence)
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
    (seconds, nanoseconds) = Self.modification(status)
  }

  deinit { close(descriptor) }

  /// The bytes of a range, which must lie within the size.
  ///
  /// - Throws: `TensorFileError.unreadable` when the file has been changed since it was opened.
  package func read(_ range: Range<Int>) throws(TensorFileError) -> [UInt8] {
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count {
        let read = pread(
          descriptor, buffer.baseAddress! + count, range.count - count, off_t(range.lowerBound + count))
        if read < 0 && errno == EINTR { continue }
        if read < 0 { failure = errno }
        guard read > 0 else { return }
        count += read
      }
    }
    if let failure { throw .unreadable(file: path, reason: FileSystem.reason(failure, path)) }
    guard bytes.count == range.count, try isUnchanged() else {
      throw .unreadable(file: path, reason: "somebody else changed it while it was read")
    }
    return bytes
  }

  private func isUnchanged() throws(TensorFileError) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, reason: FileSystem.reason(errno, path)) }
    return Int(status.st_size) == size && Self.modification(status) == (seconds, nanoseconds)
  }

  private static func modification(_ status: stat) -> (Int, Int) {
    #if canImport(Darwin)
      (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
    #else
      (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    #endif
  }
}
