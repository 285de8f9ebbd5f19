import Foundation
import Judging
import PathAttention
import Problems
import TensorFiles

@testable import Checking

/// A fuzzer that follows the coverage, on everything that reads what others have written: safetensors headers and elements,
/// submissions and layers with their metadata, profiles, problem lines. Whatever is in a file, it is read or refused.
///
/// It is built by `.ci/fuzz` and linked to libFuzzer, whose options it takes.
@main
enum Fuzz {
  static func main() {
    var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
    _ = withUnsafeMutablePointer(to: &count) { count in
      withUnsafeMutablePointer(to: &arguments) { runDriver(count, $0, testOneInput) }
    }
  }

  /// A file of one's own, for what reads paths.
  fileprivate static let path = "/dev/shm/fuzz-\(getpid())"

  fileprivate static func test(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let kind = bytes.first else { return }
    let data = Data(bytes.dropFirst())
    switch kind % 5 {
    case 0:
      guard let file = try? TensorFile(data, path: "fuzz") else { return }
      for tensor in file.tensors {
        _ = try? file.doubles(tensor.name)
        _ = try? file.integers(tensor.name)
      }
    case 1:
      write(data)
      let request = CrossCheckRequest(inputs: path, layout: kind % 2 == 0 ? .bthd : .bhtd, memoryLimit: limit)
      _ = describe { try SubmissionReader(request).read() }
    case 2:
      write(data)
      _ = describe { try LayerSubmission(LayerCheckRequest(file: path, memoryLimit: limit)) }
    case 3:
      write(data)
      if let profile = describe({ try NumericsProfile.named(path) }) {
        precondition((try? JSONDecoder().decode(NumericsProfile.self, from: JSONEncoder().encode(profile))) == profile)
      }
    default:
      let line = String(decoding: data.prefix(500), as: UTF8.self)
      if let problem = describe({ try Problem(line: line) }) {
        precondition((try? Problem(line: problem.description)) == problem)
      }
    }
  }

  private static let limit = MemoryLimit(bytes: 1e9)

  /// What a body gives, or nil when it refuses, in one line.
  private static func describe<Result>(_ body: () throws -> Result) -> Result? {
    do { return try body() } catch {
      let text = "\(error)"
      precondition(
        text.count < 20_000 && !text.unicodeScalars.contains { $0 == "\n" || $0 == "\u{1B}" }, "not one line")
      return nil
    }
  }

  private static func write(_ data: Data) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    _ = FileSystem.write(data, to: descriptor)
  }
}

private func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  Fuzz.test(UnsafeBufferPointer(start: bytes, count: count))
  return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<Int8>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
