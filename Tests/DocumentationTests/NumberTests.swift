import Testing

/// Numbers come from somewhere.
@Suite struct NumberTests {
  /// A decimal fraction in running text is a measurement, and has to be generated or printed by a command. Versions,
  /// numbers of papers, and limits that the text itself sets are not.
  @Test("No decimal fraction stands in running text of Docs, where nothing would compute it", arguments: Page.paths)
  func decimals(path: String) throws {
    // What real kernels did on a GPU is data, not something that the library computes; other tests compare with it.
    guard !["Fixtures/README.md", "Docs/Inference.md", "Docs/Envelopes.md", "Docs/Performance.md"].contains(path) else {
      return
    }
    let versions = /(arXiv|Swift|PyTorch|Triton|NumPy|JAX|MLX|torch|flash-linear-attention|Python) [0-9.]+/
    for (index, line) in try Page(path).runningText where !line.isEmpty {
      let decimals = line.replacing(/\]\([^)]*\)/, with: "").replacing(versions, with: "").matches(of: /[0-9]+\.[0-9]+/)
        .map { String($0.output) }
      #expect(decimals == [], "\(path):\(index + 1)")
    }
  }
}
