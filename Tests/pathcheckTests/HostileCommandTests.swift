import Checking
import Foundation
import Judging
import PathAttention
import Problems
import TensorFiles
import Testing

/// Files and commands that would break the command line: user files, streams, sizes, names.
@Suite struct HostileCommandTests {
  /// A folder with a file that passes.
  private struct Place {
    let folder: TemporaryFolder
    let input: String

    init(_ change: (inout CheckCommandTests.Sample) -> Void = { _ in }) throws {
      folder = try TemporaryFolder()
      input = folder.file("case.safetensors")
      var sample = try CheckCommandTests.Sample(CheckCommandTests.line)
      change(&sample)
      try sample.write(to: input)
    }

    func check(_ arguments: [String], shell: String? = nil) throws -> (status: Int32, output: String, error: String) {
      let (output, error) = (folder.file("stdout"), folder.file("stderr"))
      let child = try ChildProcess(
        ["check", input, "--no-variants"] + arguments, output: output, error: error, shell: shell)
      let status = child.wait()
      func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
      return (status, text(output), text(error))
    }
  }

  // MARK: User files

  @Test("No input is ever replaced, whatever it is called")
  func inputs() throws {
    let place = try Place()
    let (input, folder) = (place.input, place.folder)
    let candidate = folder.file("candidate.safetensors")
    let profile = folder.file("profile.json")
    try FileManager.default.copyItem(atPath: input, toPath: candidate)
    try JSONEncoder().encode(NumericsProfile.f64).write(to: URL(fileURLWithPath: profile))
    let before = try [input, candidate, profile].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    link(input, folder.file("hard"))
    symlink(candidate, folder.file("soft"))
    symlink(folder.url.path, folder.file("here"))
    for (option, path) in [
      ("--json", input), ("--html", candidate), ("--junit", profile), ("--json", folder.file("hard")),
      ("--json", folder.file("soft")), ("--html", folder.file("here/profile.json")),
      ("--json", folder.file("./here/../\(folder.url.lastPathComponent)/case.safetensors")),
    ] {
      let run = try place.check(["--candidate", candidate, "--profile", profile, option, path, "--overwrite"])
      #expect(run.status == 2 && run.error.contains("a file that is read; nothing is written to it"), "\(path): \(run)")
    }
    for (path, data) in zip([input, candidate, profile], before) {
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == data, "\(path)")
    }
    let layer = folder.file("layer.safetensors")
    try FileManager.default.copyItem(atPath: CommandLine.fixture("fla-layer-gate"), toPath: layer)
    #expect(try CommandLine("layer", layer, "--json", layer, "--overwrite").status == 2)
    #expect(try TensorFile(path: layer)["x"] != nil)
  }

  @Test("Two reports never go to one place, and no report to where a stream goes")
  func outputs() throws {
    let place = try Place()
    let folder = place.folder
    symlink(folder.file("r"), folder.file("link"))
    for other in [folder.url.path + "/./r", folder.file("link")] {
      let run = try place.check(["--json", folder.file("r"), "--html", other, "--overwrite"])
      #expect(run.status == 64 && run.error.contains("--json and --html go to one place"), "\(run)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("r")))
    let stream = try place.check(["--json", folder.file("stdout"), "--overwrite"])
    #expect(stream.status == 2 && stream.error.contains("standard output or standard error goes to this file"))
    let both = try place.check(["--json", "/dev/null", "--html", "/dev/null"])
    #expect(both.status == 0 && both.output.hasSuffix("verdict    PASS\n"), "\(both)")
    let standard = try place.check(["--json", "/dev/stdout"])
    #expect((try? JSONDecoder().decode(CrossCheckReport.self, from: Data(standard.output.utf8))) != nil)
  }

  @Test("What was computed is printed even if a report cannot be written, and the other reports are")
  func printed() throws {
    let place = try Place()
    let json = place.folder.file("r.json")
    let run = try place.check(["--html", "/dev/full", "--json", json])
    #expect(run.status == 2 && run.output.hasSuffix("verdict    PASS\n"), "\(run)")
    #expect(run.error == "pathcheck: /dev/full: cannot be written: the disk is full\n")
    #expect(
      (try? JSONDecoder().decode(CrossCheckReport.self, from: Data(contentsOf: URL(fileURLWithPath: json)))) != nil)
    // The table is lost, the report is not.
    try FileManager.default.removeItem(atPath: json)
    let full = try place.check(["--json", json], shell: "exec >/dev/full")
    #expect(full.status == 2 && full.error.contains("standard output cannot be written: the disk is full"), "\(full)")
    #expect(FileManager.default.fileExists(atPath: json))
  }

  @Test(
    "Reports that cannot be written are found out before the work", arguments: ["check", "layer", "verify", "bench"])
  func triedFirst(command: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("exists")
    try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
    // Work that would take hours, or files that are not there.
    let arguments =
      [
        "check": ["x"], "layer": ["x"], "verify": ["--minutes", "500"],
        "bench": ["--length", "65536", "--repeats", "1000"],
      ][
        command]!
    for (path, reason) in [
      (path, "the file exists; --overwrite replaces it"), (folder.file("none/r"), "there is no directory"),
      (folder.url.path, "it is a directory"),
    ] {
      let run = try CommandLine([command] + arguments + ["--json", path])
      #expect(run.status == 2 && run.error.contains(reason) && run.output.isEmpty, "\(run)")
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
  }

  // MARK: Streams

  @Test("A full or closed standard output is exit 2 and a reason, a closed pipe exit 2 and silence")
  func streams() throws {
    let place = try Place()
    for arguments in [[], ["--json", "-"], ["--html", "-"], ["--junit", "-"]] {
      for (shell, reason) in [
        ("exec >/dev/full", "standard output cannot be written: the disk is full"),
        ("exec >&-", "standard output is closed"), ("exec > >(:); sleep 0.2", ""),
      ] {
        let run = try place.check(arguments, shell: shell)
        #expect(run.status == 2, "\(arguments) \(shell): \(run)")
        #expect(run.error == (reason.isEmpty ? "" : "pathcheck: \(reason)\n"), "\(arguments) \(shell)")
      }
    }
    for (arguments, shell) in [
      (["check", "missing"], "exec 2>&-"), (["check", "missing"], "exec >&- 2>&-"), (["--help"], "exec >/dev/full"),
      (["verify", "--problems", "1"], "exec >/dev/full"),
      (["bench", "--length", "16", "--repeats", "1"], "exec >/dev/full"),
    ] {
      let folder = place.folder
      let child = try ChildProcess(arguments, output: folder.file("o"), error: folder.file("e"), shell: shell)
      #expect(child.wait() == 2, "\(arguments) \(shell)")
    }
  }

  @Test("All streams closed, a report is written all the same")
  func closedStreams() throws {
    let place = try Place()
    let json = place.folder.file("r.json")
    #expect(try place.check(["--json", json], shell: "exec 0>&- 1>&- 2>&-").status == 2)
    let data = try Data(contentsOf: URL(fileURLWithPath: json))
    #expect((try? JSONDecoder().decode(CrossCheckReport.self, from: data)) != nil)
  }

  #if os(Linux)
    @Test("The place of a closed stream is taken, so that no file that is opened gets it")
    func takenPlaces() throws {
      let folder = try TemporaryFolder()
      let child = try ChildProcess(
        ["verify", "--minutes", "1"], output: folder.file("o"), error: folder.file("e"), shell: "exec 1>&-")
      defer {
        kill(child.identifier, SIGKILL)
        _ = child.wait()
      }
      // It starts at some moment, and then stays so.
      let isTaken = (0..<500).contains { _ in
        usleep(20_000)
        let path = "/proc/\(child.identifier)/fd/1"
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == "/dev/null"
      }
      #expect(isTaken)
    }
  #endif

  // MARK: Sizes

  @Test("What the machine cannot hold is refused with the number, and empty problems in words")
  func sizes() throws {
    func file(_ shapes: [(String, [Int])]) throws -> (folder: TemporaryFolder, path: String) {
      let folder = try TemporaryFolder()
      var writer = TensorFileWriter()
      for (name, shape) in shapes {
        try writer.add(name, shape: shape, [Double](repeating: 0.5, count: shape.reduce(1, *)), as: .float32)
      }
      try writer.write(to: folder.file("x"))
      return (folder, folder.file("x"))
    }
    func shapes(_ B: Int, _ T: Int, _ HQ: Int, _ K: Int) -> [(String, [Int])] {
      [
        ("q", [B, T, HQ, K]), ("k", [B, T, 1, K]), ("v", [B, T, 1, 1]), ("w", [B, T, 1, K]), ("beta", [B, T, 1]),
        ("o", [B, T, HQ, 1]),
      ]
    }
    let lanes = try file(shapes(1, 1, 1, 100_000))
    let run = try CommandLine("check", lanes.path, "--no-variants", "--memory", "16G")
    #expect(
      run.status == 2 && run.error.contains("this would take about ") && run.error.contains("than the 16 GB"), "\(run)")
    // What is refused depends on the limit, and a small problem is admitted by the machine.
    let small = try file(shapes(1, 2, 1, 2))
    #expect(try CommandLine("check", small.path, "--no-variants", "--memory", "10M").status == 2)
    #expect(try CommandLine("check", small.path, "--no-variants").status != 2)
    for (B, T, HQ, K) in [(1 << 40, 0, 1, 1), (1, 0, 1 << 40, 1), (2, 0, 1, 1), (0, 3, 1, 1), (0, 1 << 40, 2, 2)] {
      let empty = try file(shapes(B, T, HQ, K))
      let run = try CommandLine("check", empty.path)
      #expect(
        run.status == 2
          && run.error.contains(
            "there is nothing to compare: tensor 'q' has shape [\(B), \(T), \(HQ), \(K)], without a token"),
        "\(run)")
    }
    let logits = try file(shapes(1, 0, 1, 1) + [("logits", [1, 0, 1, 0])])
    #expect(try CommandLine("check", logits.path).status == 2)
    for arguments in [
      ["bench", "--form", "wy", "--length", "100000", "--memory", "30G"],
      ["bench", "--length", "4096", "--memory", "50M"],
      ["generate", "cases", "--length", "10000000", "--memory", "1G"],
    ] {
      let run = try CommandLine(arguments)
      #expect(run.status == 2 && run.error.contains("this would take about ") && run.output.isEmpty, "\(run)")
    }
  }

  @Test("Numbers of options have ranges, which are named")
  func ranges() throws {
    for (arguments, reason) in [
      (["bench", "--length", "9223372036854775807"], "--length must be from 1 to 16777216, found 9223372036854775807"),
      (["bench", "--threads", "10000"], "--threads must be from 1 to 1024, found 10000"),
      (["bench", "--levels", "-1"], "--levels"), (["bench", "--levels=-1"], "--levels must be from 0 to 48, found -1"),
      (["bench", "--query-heads", "1", "--heads", "5"], "--query-heads must be a multiple of --heads, found 1 and 5"),
      (["bench", "--repeats", "0"], "--repeats must be from 1 to 1000000, found 0"),
      (["check", "x", "--rows", "9223372036854775807"], "--rows must be from 1"),
      (["generate", "x", "--count", "0"], "--count must be from 1 to 1000000, found 0"),
      (["generate", "x", "--block-size", "16", "9223372036854775807"], "--block-size must be from 2"),
      (["generate", "x", "--block-size", "1"], "--block-size must be from 2"),
      (["generate", "x", "--length", "0"], "--length must be from 1"),
      (["check", "x", "--memory", "0"], "--memory"), (["check", "x", "--memory", "many"], "--memory"),
      (["check", "x", "--memory", "1e30G"], "--memory"),
    ] {
      let run = try CommandLine(arguments)
      #expect(run.status == 64 && run.error.contains(reason) && run.output.isEmpty, "\(arguments): \(run)")
    }
    let place = try Place()
    #expect(try place.check(["--scale", "-1"]).status == 1)
    #expect(try CommandLine("layer", CommandLine.fixture("fla-layer-gate"), "--scale", "-1").status == 1)
  }

  // MARK: Names

  @Test("Every tensor is judged, or refused, or named in a note with the reason")
  func names() throws {
    func renamed(_ from: String, _ to: String) -> (inout CheckCommandTests.Sample) -> Void {
      { sample in
        let index = sample.tensors.firstIndex { $0.name == from }!
        sample.tensors[index].name = to
      }
    }
    for (from, to, meant) in [
      ("dbeta", "dbetta", "dbeta"), ("dbeta", "dbet", "dbeta"), ("dbeta", "d_beta", "dbeta"), ("dq", "dQ", "dq"),
      ("o", "O", "o"),
      ("lse", "les", "lse"), ("lse", "LSE", "lse"), ("g", "G", "g"),
    ] {
      let run = try Place(renamed(from, to)).check([])
      #expect(
        run.status == 2
          && run.error.contains("tensor '\(to)' is not known; should it be \(meant)? (--rename \(meant)=\(to))"),
        "\(run)")
      #expect(try Place(renamed(from, to)).check(["--rename", "\(from)=\(to)"]).status == 0, "\(to)")
    }
    // Known names that differ by a letter, and names of something else.
    for name in ["dlse", "out", "h", "dk2", "gate"] {
      let run = try Place(renamed("lse", name)).check([])
      #expect(
        run.output.contains("not compared, because the names are not known: \(name) (see --rename)"), "\(name): \(run)")
    }
    let place = try Place()
    for (renaming, reason) in [
      (["o=otuput"], "tensor 'otuput' is missing; it was to be read as o (see --rename)"),
      (["g=gates"], "tensor 'gates' is missing; it was to be read as g"),
      (["logits=s"], "tensor 's' is missing; it was to be read as logits"),
      (["dk=dv"], "tensor 'dv' cannot be both dk and dv (see --rename)"),
      (["o=q"], "tensor 'q' cannot be both q and o"),
    ] {
      let run = try place.check(["--rename"] + renaming)
      #expect(run.status == 2 && run.error.contains(reason), "\(renaming): \(run)")
    }
    // Of two files, what is not read from each.
    let candidate = place.folder.file("candidate.safetensors")
    try FileManager.default.copyItem(atPath: place.input, toPath: candidate)
    let two = try place.check(["--candidate", candidate])
    #expect(two.status == 0)
    #expect(two.output.contains("note       not judged, because --candidate gives the outputs: "))
    #expect(two.output.contains("because inputs are those of the other file: "))
  }

  @Test("Text of a file neither acts on the terminal nor fills it, in any report")
  func spoofed() throws {
    let name = "x\n\nverdict    PASS\n\u{1B}[8m\u{202E}"
    let long = String(repeating: "long\n", count: 100_000)
    let place = try Place { sample in
      sample.metadata["case"] = name + long
      sample["o"].entries[0] = 99
      sample.tensors.append((name + long, [1], [0]))
      for index in 0..<100 { sample.tensors.append(("extra \(index)", [1], [0])) }
    }
    for format in [[], ["--html", "-"], ["--junit", "-"]] {
      let run = try place.check(format)
      #expect(run.status == 1 && run.output.utf8.count < 200_000, "\(format)")
      #expect(!run.output.contains("\u{1B}") && !run.output.contains("\u{202E}"), "\(format)")
      #expect(run.output.components(separatedBy: "\nverdict").count == (format.isEmpty ? 2 : 1), "\(format)")
    }
    #expect(
      try place.check([]).output.contains("extra 18 and 82 more")
        || place.check([]).output.contains(" more (see --rename)"))
    let bad = try Place { $0.metadata["gate"] = name + long }
    let run = try bad.check([])
    #expect(
      run.status == 2 && run.error.split(separator: "\n").count == 1 && run.error.utf8.count < 1000, "\(run.error)")
  }
}
