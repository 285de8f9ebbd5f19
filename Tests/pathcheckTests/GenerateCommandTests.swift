import Checking
import Foundation
import PathAttention
import TensorFiles
import Testing

/// `pathcheck generate` as a process: what it writes and prints, and that it never overwrites unasked.
@Suite struct GenerateCommandTests {
  @Test("Files, the manifest and the table agree; each file passes the check; nothing is overwritten unasked")
  func generate() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("cases")
    let arguments = ["--family", "exact", "adversarial", "--dtype", "f32", "--seed", "5", "--block-size", "8"]
    let run = try CommandLine(["generate", path] + arguments)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.error.isEmpty)
    let data = try Data(contentsOf: URL(fileURLWithPath: path + "/manifest.json"))
    let manifest = try JSONDecoder().decode(CaseManifest.self, from: data)
    #expect(manifest.seed == 5 && manifest.dtype == "F32" && manifest.blockSizes == [8])
    #expect(manifest.cases.map(\.family) == [.exact] + Array(repeating: .adversarial, count: 5))
    #expect(manifest.separation == nil)
    let files = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(Set(files) == Set(manifest.cases.map(\.file) + ["manifest.json"]))
    for entry in manifest.cases {
      #expect(entry.file == "\(entry.case)-f32.safetensors")
      let (catches, misses) = (try #require(entry.catches), try #require(entry.misses))
      #expect(run.output.contains("\(catches.count) of \(catches.count + misses.count)"))
      #expect(Set(catches).isDisjoint(with: misses))
      #expect(run.output.contains("\n\(entry.case)\n  "))
      #expect(try TensorFile(path: "\(path)/\(entry.file)").metadata["notes"] == entry.purpose)
      let check = try CommandLine("check", "\(path)/\(entry.file)", "--no-variants")
      #expect(check.status == 0 && check.output.hasSuffix("verdict    PASS\n"), "\(check.output)\(check.error)")
    }
    // Clipping β is seen where β is near 2, and dropping the gate where there is one.
    let catches = Dictionary(uniqueKeysWithValues: manifest.cases.map { ($0.case, $0.catches!) })
    #expect(catches["adversarial-strong-reflections"]!.contains("beta.clipped(1.95)"))
    #expect(catches["adversarial-strong-gates"]!.contains("gate.dropped"))
    #expect(!catches["adversarial-offset-logits"]!.contains("gate.dropped"))
    #expect(catches["adversarial-tiny-segments"]!.contains("segment.ignored"))

    let first = path + "/" + manifest.cases[0].file
    try Data("kept".utf8).write(to: URL(fileURLWithPath: first))
    let again = try CommandLine(["generate", path, "--no-variants"] + arguments)
    #expect(again.status == 2 && again.output.isEmpty)
    #expect(again.error == "pathcheck: \(first): the file exists; --overwrite replaces it\n")
    #expect(try Data(contentsOf: URL(fileURLWithPath: first)) == Data("kept".utf8))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/manifest.json")) == data)
    let replaced = try CommandLine(["generate", path, "--no-variants", "--overwrite"] + arguments)
    #expect(replaced.status == 0)
    let quick = try JSONDecoder().decode(
      CaseManifest.self, from: Data(contentsOf: URL(fileURLWithPath: path + "/manifest.json")))
    #expect(quick.cases.allSatisfy { $0.catches == nil && $0.misses == nil })
    #expect(try TensorFile(path: first)["o"] != nil)
  }

  @Test("Wrong usage exits with 64, sizes that cannot be with 2 and no files")
  func usage() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("cases")
    #expect(try CommandLine("generate").status == 64)
    #expect(try CommandLine("generate", path, "--dtype", "i32").status == 64)
    #expect(try CommandLine("generate", path, "--family", "impossible").status == 64)
    let run = try CommandLine("generate", path, "--family", "discriminating", "--length", "10")
    #expect(run.status == 2)
    #expect(
      run.error
        == "pathcheck: discriminating-packed: length must be at least 197 for three blocks of 64, found 10\n")
    #expect(!FileManager.default.fileExists(atPath: path))
    let help = try CommandLine("generate", "--help")
    #expect(help.status == 0 && help.output.contains("default: BF16") && !help.output.contains("i64"))
  }
}
