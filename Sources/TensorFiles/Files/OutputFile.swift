import Foundation

/// A file that is to be written: looked at before the work, written when there is something to write.
///
/// It is written beside its place and moved there when it is whole and on the disk, so that under its name there never is
/// half a file, whatever happens meanwhile. Symbolic links are followed, devices and pipes are written to.
package struct OutputFile: Sendable {
  /// The path as it was given.
  package let path: String
  private let overwriting: Bool
  private let place: Place

  private enum Place {
    /// A device or a pipe, where nothing can be lost.
    case stream
    /// A file in a folder, free of links; with the permissions of the one that it replaces.
    case file(folder: String, name: String, replacing: stat?)
  }

  /// Which file it is: two outputs are the same if and only if these are equal. Nil for a device.
  package let identity: Identity?

  /// A file that is there, or a name in a folder.
  package enum Identity: Hashable, Sendable {
    case existing(FileIdentity)
    case new(folder: FileIdentity, name: String)
  }

  /// Follows a path to where it leads and tries whether a file can be written there.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - overwriting: Whether a file that is there may be replaced.
  /// - Throws: `TensorFileError.exists` when it may not, `.unwritable` when nothing can be written there.
  package init(_ path: String, overwriting: Bool) throws(TensorFileError) {
    self.path = path
    self.overwriting = overwriting
    let found = FileSystem.status(path)
    let code = errno
    switch found.map(FileKind.init) {
    case .characterDevice, .pipe:
      guard access(path, W_OK) == 0 else { throw .unwritable(file: path, reason: FileSystem.reason(errno, path)) }
      place = .stream
      identity = found.map(FileKind.init) == .pipe ? .existing(FileIdentity(found!)) : nil
      return
    case .directory, .blockDevice, .socket:
      throw .unwritable(file: path, reason: FileKind(found!).sentence)
    case .regular: break
    case nil:
      guard code == ENOENT else { throw .unwritable(file: path, reason: FileSystem.reason(code, path)) }
    }
    let (folder, name) = try Self.resolve(path)
    if let found {
      guard overwriting else { throw .exists(file: path) }
      guard FileIdentity(path: Self.join(folder, name)) == FileIdentity(found) else {
        throw .unwritable(file: path, reason: "the file has no name any more")
      }
      guard access(path, W_OK) == 0 else { throw .unwritable(file: path, reason: "it is write-protected") }
    }
    place = .file(folder: folder, name: name, replacing: found)
    identity = found.map { .existing(FileIdentity($0)) } ?? .new(folder: FileIdentity(path: folder)!, name: name)
    let unfinished = try UnfinishedFile(in: folder, for: path)
    unfinished.discard()
  }

  /// Whether standard output or standard error goes into this very file.
  package var isStandardStream: Bool {
    [STDOUT_FILENO, STDERR_FILENO].contains { stream in
      FileIdentity(descriptor: stream).map { identity == .existing($0) } ?? false
    }
  }

  /// Tries whether files can be written into a folder, which need not be there yet.
  package static func tryFolder(_ path: String) throws(TensorFileError) {
    var folder = path
    while FileSystem.status(folder) == nil {
      guard errno == ENOENT, let parent = parent(of: folder) else {
        throw .unwritable(file: path, reason: FileSystem.reason(errno, folder))
      }
      folder = parent
    }
    guard FileKind(FileSystem.status(folder)!) == .directory else {
      throw .unwritable(
        file: path, reason: folder == path ? "it is not a directory" : FileSystem.reason(ENOTDIR, path))
    }
    let unfinished = try UnfinishedFile(in: folder, for: path)
    unfinished.discard()
  }

  /// Writes the whole file.
  ///
  /// - Throws: `TensorFileError` when that cannot be done; then what was there is as it was.
  package func write(_ data: Data) throws(TensorFileError) {
    switch place {
    case .stream:
      let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
      guard descriptor >= 0 else { throw .unwritable(file: path, reason: FileSystem.reason(errno, path)) }
      defer { close(descriptor) }
      if let code = FileSystem.write(data, to: descriptor) {
        throw .unwritable(
          file: path, reason: code == EPIPE ? "nobody reads from it any more" : FileSystem.reason(code, path))
      }
    case .file(let folder, let name, let replaced):
      let unfinished = try UnfinishedFile(in: folder, for: path)
      try unfinished.write(data, like: replaced)
      try unfinished.move(to: Self.join(folder, name), overwriting: overwriting)
    }
  }

  // MARK: Paths

  /// The folder and the name that a path leads to, through symbolic links, the last of which may lead to no file.
  private static func resolve(_ path: String) throws(TensorFileError) -> (folder: String, name: String) {
    var target = path
    for _ in 0..<40 {
      guard let parent = parent(of: target) else {
        throw .unwritable(file: path, reason: FileSystem.reason(ENOENT, ""))
      }
      guard let resolved = realpath(parent, nil) else {
        let reason = errno == ENOENT ? "there is no directory '\(parent)'" : FileSystem.reason(errno, path)
        throw .unwritable(file: path, reason: reason)
      }
      defer { free(resolved) }
      let folder = String(cString: resolved)
      let name = String(target.split(separator: "/").last ?? "")
      guard !name.isEmpty, name != ".", name != "..", target.utf8.last != UInt8(ascii: "/") else {
        throw .unwritable(file: path, reason: "there is no such directory")
      }
      let full = join(folder, name)
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
      let length = readlink(full, &buffer, Int(PATH_MAX))
      guard length > 0 else { return (folder, name) }
      let link = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      target = link.hasPrefix("/") ? link : join(folder, link)
    }
    throw .unwritable(file: path, reason: FileSystem.reason(ELOOP, path))
  }

  /// The folder of a path; nil for an empty one.
  private static func parent(of path: String) -> String? {
    guard !path.isEmpty else { return nil }
    let parts = path.split(separator: "/")
    let above = parts.dropLast().joined(separator: "/")
    return path.hasPrefix("/") ? "/" + above : above.isEmpty ? "." : above
  }

  private static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }
}

/// A file under a name that nobody knows, until it is moved to its own.
private struct UnfinishedFile {
  private let descriptor: Int32
  private let name: String
  private let folder: String
  /// The path that errors are about.
  private let path: String

  init(in folder: String, for path: String) throws(TensorFileError) {
    let name = "\(folder)/.pathcheck-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    if isWatched { unfinishedName = strdup(name) }
    let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let reason =
        errno == EACCES ? "nothing may be written to the directory '\(folder)'" : FileSystem.reason(errno, path)
      Self.forget()
      throw .unwritable(file: path, reason: reason)
    }
    (self.descriptor, self.name, self.folder, self.path) = (descriptor, name, folder, path)
  }

  /// Closes and removes it.
  func discard() {
    close(descriptor)
    unlink(name)
    Self.forget()
  }

  /// Writes everything to the disk.
  func write(_ data: Data, like replaced: stat?) throws(TensorFileError) {
    if let replaced {
      // Who may read the old file may read the new one. The owner can be kept only by those who may give files away.
      _ = fchown(descriptor, replaced.st_uid, replaced.st_gid)
      _ = fchmod(descriptor, replaced.st_mode & 0o7777)
    }
    if let code = FileSystem.write(data, to: descriptor) ?? (fsync(descriptor) == 0 ? nil : errno) {
      discard()
      throw .unwritable(file: path, reason: FileSystem.reason(code, path))
    }
  }

  /// Gives it its name, in one step.
  func move(to final: String, overwriting: Bool) throws(TensorFileError) {
    close(descriptor)
    defer { Self.forget() }
    var result = overwriting ? rename(name, final) : link(name, final)
    if !overwriting {
      // File systems without hard links are told apart only by trying.
      if result != 0, errno != EEXIST, access(final, F_OK) != 0 { result = rename(name, final) }
    }
    let code = errno
    // Gone already where it was renamed.
    unlink(name)
    guard result == 0 else {
      if code == EEXIST { throw .exists(file: path) }
      throw .unwritable(file: path, reason: FileSystem.reason(code, path))
    }
    // The name is on the disk when the folder is.
    let folder = open(folder, O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private static func forget() {
    guard isWatched else { return }
    let name = unfinishedName
    unfinishedName = nil
    free(name)
  }
}

/// The file that is being written, for a signal handler, which can read no more than this. Only a program that writes one
/// file at a time is watched.
nonisolated(unsafe) private var unfinishedName: UnsafeMutablePointer<CChar>?
nonisolated(unsafe) private var isWatched = false

extension OutputFile {
  /// Removes what is half written when the process is asked to end, and then ends it as asked. For the start of a program
  /// that writes one file at a time.
  package static func removeUnfinishedWhenInterrupted() {
    isWatched = true
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // Who is told to ignore a signal, as by nohup, goes on ignoring it.
      let before = signal(number, endAfterRemoval)
      if unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(number, SIG_IGN) }
    }
  }
}

private func endAfterRemoval(_ number: Int32) {
  if let unfinishedName { unlink(unfinishedName) }
  signal(number, SIG_DFL)
  raise(number)
}
