import Foundation
import PathAttention
import TensorFiles
import Testing

/// How much memory `pathcheck check` takes.
@Suite struct MemoryTests {
  @Test(
    "Outputs alone take no more memory than outputs with gradients",
    .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
  func forwardOnly() throws {
    let whole = CommandLine.fixture("fla-gate-bf16-t256-d64")
    let file = try TensorFile(path: whole)
    let folder = try TemporaryFolder()
    let path = folder.file("o-only.safetensors")
    var writer = TensorFileWriter(metadata: file.metadata)
    for name in ["q", "k", "v", "w", "beta", "g", "o"] {
      let tensor = try #require(file[name])
      try writer.add(name, shape: tensor.shape, file.doubles(name), as: #require(tensor.elementType))
    }
    try writer.write(to: path)
    let (forward, both) = (try CommandLine.peakMemory("check", path), try CommandLine.peakMemory("check", whole))
    // 51 and 88 MB with two threads; each further one holds the matrices of one more variant.
    let threads = ProcessInfo.processInfo.activeProcessorCount
    #expect(both > 20_000_000, "\(both) bytes: it did not run")
    #expect(
      forward <= both && forward < 150_000_000 + 30_000_000 * max(0, threads - 4),
      "\(forward) bytes, with gradients \(both)")
  }
}
