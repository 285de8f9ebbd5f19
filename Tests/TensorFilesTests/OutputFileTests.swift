import Foundation
import TensorFiles
import Testing

/// Files that are written: where they end up, what they replace, what is left behind.
@Suite struct OutputFileTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "output-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

  private func path(_ name: String) -> String { "\(folder)/\(name)" }

  private func text(_ name: String) -> String? { try? String(contentsOfFile: path(name), encoding: .utf8) }

  private func put(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
  }

  private func write(_ text: String, to name: String, overwriting: Bool = false) throws {
    try OutputFile(path(name), overwriting: overwriting).write(Data(text.utf8))
  }

  private func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
  }

  /// Everything in the folder.
  private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? [] }

  @Test("A new file appears whole, and nothing beside it")
  func new() throws {
    let file = try OutputFile(path("a"), overwriting: false)
    #expect(names.isEmpty, "the place was tried, and nothing is left of that")
    try file.write(Data("new".utf8))
    #expect(text("a") == "new" && names == ["a"])
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test(
    "A file is replaced only if that was asked for, keeps its permissions, and its other names keep the old content")
  func replaced() throws {
    try put("old", "a")
    #expect(throws: TensorFileError.exists(file: path("a"))) { try write("new", to: "a") }
    chmod(path("a"), 0o640)
    Foundation.link(path("a"), path("b"))
    try write("new", to: "a", overwriting: true)
    #expect(text("a") == "new" && text("b") == "old" && names == ["a", "b"])
    let mode = try FileManager.default.attributesOfItem(atPath: path("a"))[.posixPermissions] as? Int
    #expect(mode == 0o640)
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("A file that appears during the work is not replaced")
  func appeared() throws {
    let file = try OutputFile(path("a"), overwriting: false)
    try put("somebody else's", "a")
    #expect(throws: TensorFileError.exists(file: path("a"))) { try file.write(Data("mine".utf8)) }
    #expect(text("a") == "somebody else's" && names == ["a"])
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("Symbolic links are followed to the end, and stay links")
  func links() throws {
    try FileManager.default.createDirectory(atPath: path("sub"), withIntermediateDirectories: true)
    try put("old", "sub/target")
    try link("one", to: "two")
    try link("two", to: "sub/target")
    try link("dangling", to: "sub/new")
    try link("round", to: "about")
    try link("about", to: "round")
    #expect(throws: TensorFileError.exists(file: path("one"))) { try write("new", to: "one") }
    try write("new", to: "one", overwriting: true)
    #expect(text("sub/target") == "new")
    try write("new", to: "dangling")
    #expect(text("sub/new") == "new")
    for name in ["one", "two", "dangling"] {
      #expect(
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path(name))) != nil, "\(name) is a link no more")
    }
    #expect(
      throws: TensorFileError.unwritable(file: path("round"), reason: "its symbolic links lead round in a circle")
    ) { try write("new", to: "round", overwriting: true) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("Two paths to one file have one identity, whatever they are called")
  func identity() throws {
    try put("", "a")
    try FileManager.default.createDirectory(atPath: path("sub"), withIntermediateDirectories: true)
    try link("link", to: "a")
    try link("elsewhere", to: "sub")
    Foundation.link(path("a"), path("hard"))
    func identity(_ name: String) throws -> OutputFile.Identity? {
      try OutputFile(path(name), overwriting: true).identity
    }
    let a = try identity("a")
    for name in ["./a", "sub/../a", "link", "hard"] { #expect(try identity(name) == a, "\(name)") }
    #expect(try identity("new") == identity("./new") && identity("sub/new") == identity("elsewhere/new"))
    #expect(try identity("new") != identity("sub/new") && identity("new") != a)
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("Devices and pipes are written to, and stay what they are")
  func streams() throws {
    let device = try OutputFile("/dev/null", overwriting: false)
    try device.write(Data("away".utf8))
    #expect(device.identity == nil)
    #expect(throws: TensorFileError.unwritable(file: "/dev/full", reason: "the disk is full")) {
      try OutputFile("/dev/full", overwriting: false).write(Data("x".utf8))
    }
    mkfifo(path("pipe"), 0o600)
    // Open at both ends, so that nobody waits.
    let reader = open(path("pipe"), O_RDWR)
    try write("through", to: "pipe")
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(reader, &bytes, 16) == 7 && String(decoding: bytes[..<7], as: UTF8.self) == "through")
    close(reader)
    #expect(names == ["pipe"])
    try? FileManager.default.removeItem(atPath: folder)
  }

  @Test("What cannot be written is known before the work, in words")
  func tried() throws {
    try put("", "a")
    for (name, reason) in [
      (".", "it is a directory"), ("none/b", "there is no directory '\(folder)/none'"),
      ("a/b", "a part of its path is not a directory"), (String(repeating: "x", count: 300), "its name is too long"),
    ] {
      #expect(throws: TensorFileError.unwritable(file: path(name), reason: reason)) {
        _ = try OutputFile(path(name), overwriting: true)
      }
    }
    #expect(throws: TensorFileError.unwritable(file: "", reason: "the name is empty")) {
      _ = try OutputFile("", overwriting: true)
    }
    try OutputFile.tryFolder(path("not/yet/there"))
    #expect(throws: TensorFileError.self) { try OutputFile.tryFolder(path("a")) }
    #expect(throws: TensorFileError.self) { try OutputFile.tryFolder(path("a/b")) }
    #expect(names == ["a"])
    try? FileManager.default.removeItem(atPath: folder)
  }
}
