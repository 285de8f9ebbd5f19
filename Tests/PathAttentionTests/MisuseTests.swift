import Foundation
import Testing

/// Programs of users that must not compile, because what they do would be wrong without anybody noticing.
@Suite struct MisuseTests {
  private static let start = """
    import LinearAlgebra
    import PathAttention

    func use(_ inputs: AttentionInputs<Double>, _ dO: [Double]) throws {

    """

  @Test(
    "A program that uses values as they are meant compiles, and none that writes into them or contradicts them",
    arguments: [
      ("_ = inputs.q.matrix[0, 0] + (try attention(inputs).o.entries[0])", nil),
      ("inputs.q.matrix.mutableView[0, 0] = .nan", "'mutableView' is inaccessible due to 'package' protection level"),
      ("inputs.q.matrix.view[0, 0] = .nan", "subscript is get-only"),
      ("inputs.q.window(0..<1, head: 0).row(0)[0] = .nan", "subscript is get-only"),
      ("try attention(inputs).o.matrix.entries[0] = .nan", "'entries' is a get-only property"),
      ("try logits(inputs, inputs.function(), form: .compactWY)[0, 0][0, 0] = 1", "is get-only"),
      (
        """
        let outputs = try attention(inputs, AttentionFunction(scale: 0.5, gate: .unscaled))
        _ = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO)
        """, nil
      ),
      (
        """
        let outputs = try attention(inputs, AttentionFunction(scale: 0.5, gate: .unscaled))
        _ = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: dO, AttentionFunction(scale: 0.5))
        """, "cannot convert value of type 'AttentionFunction<"
      ),
      (
        """
        var (_, cache) = try prefill(inputs, AttentionFunction(scale: 0.5))
        _ = try cache.attend(to: inputs, AttentionFunction(scale: 1))
        """, "cannot convert value of type 'AttentionFunction<"
      ),
      ("var (_, cache) = try prefill(inputs); _ = try cache.attend(to: inputs, queryTokens: [0])", "queryTokens"),
    ] as [(String, String?)])
  func compiles(body: String, expected: String?) throws {
    let products = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
    let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let maps = [
      repository.appending(path: "Sources/COpenBLAS"), products.appending(path: "CRowKernels.build"),
      repository.appending(path: ".build/checkouts/swift-numerics/Sources/_NumericsShims/include"),
    ]
    let file = FileManager.default.temporaryDirectory.appending(path: "misuse-\(UUID().uuidString).swift")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data((Self.start + body + "\n}\n").utf8).write(to: file)
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments =
      ["swiftc", "-typecheck", "-swift-version", "6", "-I", products.appending(path: "Modules").path]
      + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0.appending(path: "module.modulemap").path)"] } + [file.path]
    let pipe = Pipe()
    compiler.standardError = pipe
    compiler.standardOutput = FileHandle.nullDevice
    try compiler.run()
    let words = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    compiler.waitUntilExit()
    #expect((compiler.terminationStatus == 0) == (expected == nil), "\(words)")
    if let expected { #expect(words.contains(expected), "\(words)") }
  }
}
