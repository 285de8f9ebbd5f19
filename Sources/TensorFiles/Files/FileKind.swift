import Foundation

/// What stands at a path, as the system tells it.
package enum FileKind: Sendable, Equatable {
  case regular
  case directory
  case characterDevice
  case blockDevice
  case pipe
  case socket

  init(_ status: stat) {
    self =
      switch status.st_mode & S_IFMT {
      case S_IFDIR: .directory
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      case S_IFIFO: .pipe
      case S_IFSOCK: .socket
      default: .regular
      }
  }

  /// Like "it is a directory".
  var sentence: String {
    switch self {
    case .regular: "it is a file"
    case .directory: "it is a directory"
    case .characterDevice: "it is a device and not a file"
    case .blockDevice: "it is a disk and not a file"
    case .pipe: "it is a pipe (FIFO) and not a file"
    case .socket: "it is a socket and not a file"
    }
  }
}

/// Which file it is, whatever it is called: two paths lead to the same one if and only if these are equal.
package struct FileIdentity: Sendable, Hashable {
  private let device: UInt64
  private let number: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }

  /// The file that a path leads to, through symbolic links; nil if there is none.
  package init?(path: String) {
    guard let status = FileSystem.status(path) else { return nil }
    self.init(status)
  }

  /// The file behind an open descriptor.
  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }
}

/// The calls of the system, and what they say in words.
package enum FileSystem {
  /// What a path leads to, through symbolic links.
  static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// Writes all bytes, in as many calls as it takes.
  ///
  /// - Returns: `errno` of the call that failed; nil if none did.
  package static func write(_ data: Data, to descriptor: Int32) -> Int32? {
    data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        // The C function, which this one is named like.
        let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return count < 0 ? errno : ENOSPC }
        rest = rest.dropFirst(count)
      }
      return nil
    }
  }

  /// Why a call failed on a path.
  package static func reason(_ code: Int32, _ path: String) -> String {
    switch code {
    case ENOENT where path.isEmpty: "the name is empty"
    case ENOENT where path.unicodeScalars.contains("\u{FFFD}"):
      "there is no such file, or its name has bytes that are not UTF-8; rename it"
    case ENOENT: "there is no such file"
    case ELOOP: "its symbolic links lead round in a circle"
    case ENOTDIR: "a part of its path is not a directory"
    case ENAMETOOLONG: "its name is too long"
    case EISDIR: FileKind.directory.sentence
    case ENXIO, EOPNOTSUPP: FileKind.socket.sentence
    case EACCES:
      closedDirectory(path).map { "the directory '\($0)' may not be searched" } ?? "its permissions forbid it"
    case EPERM: "its permissions forbid it"
    case ENOSPC, EDQUOT: "the disk is full"
    case EROFS: "the disk is read-only"
    case EFBIG: "it would be larger than the system allows"
    case EIO: "the disk reports an error"
    case EBUSY: "it is in use, as the mount point of a single file is"
    default: String(cString: strerror(code))
    }
  }

  /// The first directory on the way to a path that lets nobody through.
  private static func closedDirectory(_ path: String) -> String? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    for count in parts.indices {
      let directory = parts[...count].joined(separator: "/")
      if !directory.isEmpty, access(directory, F_OK) == 0, access(directory, X_OK) != 0 { return directory }
    }
    return nil
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
