import Foundation
import TensorFiles
import Testing

/// Files that are no files, and files that change while they are read.
@Suite struct InputFileTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "input-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

  private func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// A file with one tensor, larger than what is read at once.
  private func file() throws -> TensorFile {
    var writer = TensorFileWriter()
    try writer.add("x", shape: [400_000], (0..<400_000).map(Double.init), as: .float64)
    try writer.write(to: path("x"))
    return try TensorFile(path: path("x"))
  }

  @Test("A file that is changed after it was opened gives an error and no numbers")
  func changed() throws {
    for change in ["shorter", "longer", "overwritten"] {
      try? FileManager.default.removeItem(atPath: path("x"))
      let file = try file()
      #expect(try file.doubles("x")[399_999] == 399_999)
      // So that the time of the change differs, however coarse the clock of the file system is.
      usleep(20_000)
      let handle = try #require(FileHandle(forUpdatingAtPath: path("x")))
      switch change {
      case "shorter": try handle.truncate(atOffset: 100_000)
      case "longer":
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([0]))
      default:
        try handle.seek(toOffset: 1000)
        try handle.write(contentsOf: Data([1, 2, 3]))
      }
      try handle.close()
      let error = TensorFileError.unreadable(file: path("x"), reason: "somebody else changed it while it was read")
      #expect(throws: error, "\(change)") { _ = try file.doubles("x") }
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("A file that is replaced by another one of its name stays what it was")
  func replaced() throws {
    let file = try file()
    try FileManager.default.moveItem(atPath: path("x"), toPath: path("y"))
    try Data("other".utf8).write(to: URL(fileURLWithPath: path("x")))
    #expect(try file.doubles("x")[7] == 7)
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("What is no file is called what it is, and nobody waits for it", .timeLimit(.minutes(1)))
  func special() throws {
    mkfifo(path("pipe"), 0o600)
    try FileManager.default.createSymbolicLink(atPath: path("one"), withDestinationPath: "two")
    try FileManager.default.createSymbolicLink(atPath: path("two"), withDestinationPath: "one")
    try FileManager.default.createSymbolicLink(atPath: path("dangling"), withDestinationPath: "nothing")
    try Data().write(to: URL(fileURLWithPath: path("file")))
    for (name, reason) in [
      (path("pipe"), "it is a pipe (FIFO) and not a file"), ("/dev/zero", "it is a device and not a file"),
      (path("one"), "its symbolic links lead round in a circle"), (path("dangling"), "there is no such file"),
      (path("file/x"), "a part of its path is not a directory"), (folder, "it is a directory"),
      ("", "the name is empty"),
      (path("caf\u{FFFD}"), "there is no such file, or its name has bytes that are not UTF-8; rename it"),
    ] {
      #expect(throws: TensorFileError.unreadable(file: name, reason: reason)) { _ = try TensorFile(path: name) }
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("A file of 768 GiB that is not there is opened without taking memory")
  func sparse() throws {
    let count = 768 << 27
    let header = #"{"x":{"dtype":"F64","shape":[\#(count)],"data_offsets":[0,\#(8 * count)]}}"#
    var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) })
    bytes += Data(header.utf8)
    try bytes.write(to: URL(fileURLWithPath: path("x")))
    // Where the file system has no holes there is nothing to test.
    guard truncate(path("x"), off_t(bytes.count + 8 * count)) == 0 else { return }
    #expect(try TensorFile(path: path("x"))["x"]?.count == count)
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("Names of a file are escaped and cut where they are printed")
  func excerpts() {
    let long = String(repeating: "\u{1B}[8m\u{202E}", count: 2_000_000)
    let text = "\(TensorFileError.missing(file: "a\nb", tensor: long))"
    #expect(text.hasPrefix("a\\nb: tensor '\\u{1B}[8m\\u{202E}"), "\(text.prefix(100))")
    #expect(text.count < 1500 && text.contains("… (10000000 characters)"))
    #expect(["a", "b\n", "c"].excerpt(2) == "a, b\\n and 1 more")
    #expect("plain".excerpt(5) == "plain" && "plains".excerpt(5) == "plain… (6 characters)")
  }
}
