import LinearAlgebra
import PathAttention
import Problems
import Testing

/// The layer: its three paths against the definition and each other, its gradients, its parameters.
///
/// Sizes are tiny and numbers of order 1, so agreement in Double is demanded to 1e-12: some 100 sums of some 10 terms.
@Suite struct LayerTests {
  // MARK: Paths

  @Test("The full pass agrees with the layer written out", arguments: LayerSample.all)
  func definition(sample: LayerSample) throws {
    let (layer, input) = (try sample.layer(), try sample.input())
    let expected = try LayerDefinition(layer: layer, input: input).outputs()
    for form in KeyCacheTests.forms {
      var layer = layer
      layer.execution.form = form
      #expect(largestDifference(try layer.forward(input).y.entries, expected) < 1e-12, "\(form)")
    }
  }

  @Test("Prefill and steps of one or several tokens agree with the full pass", arguments: LayerSample.all)
  func paths(sample: LayerSample) throws {
    let (layer, input) = (try sample.layer(), try sample.input())
    let full = try layer.forward(input).y
    // Token by token, in pairs, and with a prefill of any length, 0 included.
    for (prefilled, chunk) in [(0, 1), (1, 1), (2, 2), (3, 1), (20, 1)] {
      func tokens(_ segment: Range<Int>, _ start: Int, _ end: Int) -> Range<Int> {
        min(segment.upperBound, segment.lowerBound + start)..<min(segment.upperBound, segment.lowerBound + end)
      }
      func part(_ start: Int, _ end: Int) throws -> (LayerInput<Double>, [Int]) {
        let ranges = input.segments.map { tokens($0, start, end) }
        let rows = ranges.flatMap { Array($0) }
        let boundaries = ranges.reduce(into: [0]) { $0.append($0.last! + $1.count) }
        let x = rows.flatMap { Array(input.x.view.row($0)) }
        return (
          try LayerInput(
            length: rows.count, hiddenSize: layer.configuration.hiddenSize, x: x, segmentBoundaries: boundaries), rows
        )
      }
      func check(_ y: Matrix<Double>, _ rows: [Int]) {
        for (row, token) in rows.enumerated() {
          let difference = largestDifference(Array(y.view.row(row)), Array(full.view.row(token)))
          #expect(difference < 1e-12, "prefill of \(prefilled), chunks of \(chunk), token \(token)")
        }
      }
      let (prompt, rows) = try part(0, prefilled)
      var (y, cache) = try layer.prefill(prompt)
      check(y, rows)
      var position = prefilled
      while position < (input.segments.map(\.count).max() ?? 0) {
        let (next, rows) = try part(position, position + chunk)
        y = try layer.step(next, &cache)
        check(y, rows)
        position += chunk
      }
    }
  }

  @Test("In Float the paths agree with Double to Float's precision")
  func singlePrecision() throws {
    for sample in LayerSample.all {
      let (layer, input) = (try sample.layer(), try sample.input())
      let entries = layer.parameters.tensors.map { ($0.parameter.rawValue, $0.entries.map { Float($0) }) }
      let single = PathLayer(
        try LayerParameters<Float>(sample.configuration, entries: Dictionary(uniqueKeysWithValues: entries)),
        gate: sample.gate, execution: layer.execution)
      let x = try LayerInput(
        batch: sample.batch, length: sample.length, hiddenSize: sample.configuration.hiddenSize,
        x: sample.normals("x").map { Float($0) }, segmentBoundaries: sample.segmentBoundaries)
      let y = try single.forward(x).y.entries.map { Double($0) }
      #expect(largestDifference(y, try layer.forward(input).y.entries) < 1e-5, "\(sample)")
    }
  }

  @Test("Logits of β and of the gate may be as large as they like")
  func saturation() throws {
    let configuration = LayerConfiguration(hiddenSize: 4, queryHeads: 2, reflectionRank: 2, hasForgetGate: true)
    var random = SeededGenerator(seed: 9)
    let start = try LayerParameters<Double>(configuration, using: &random)
    for (bias, strength) in [(-2000.0, 0.0), (2000, 2)] {
      let entries = start.tensors.map { parameter, entries in
        let isBias = parameter == .strengthBias || parameter == .gateBias
        return (parameter.rawValue, isBias ? entries.map { _ in bias } : entries)
      }
      let layer = PathLayer(
        try LayerParameters<Double>(configuration, entries: Dictionary(uniqueKeysWithValues: entries)))
      let input = try LayerInput(length: 3, hiddenSize: 4, x: (0..<12).map { _ in random.normal() })
      let pass = try layer.forward(input)
      #expect(pass.projections.inputs.beta.entries.allSatisfy { $0 == strength })
      // log σ(x) is x for very negative x, and 0 for very large x.
      let g = pass.projections.inputs.g!.entries
      #expect(zip(g, pass.projections.gateLogits!.entries).allSatisfy { $0 == min($1, 0) })
      #expect(pass.y.entries.allSatisfy { $0.isFinite })
      let gradients = try layer.gradients(of: pass, outputCotangent: [Double](repeating: 1, count: 12))
      #expect(gradients.x.entries.allSatisfy { $0.isFinite })
      #expect(gradients.parameters.tensors.allSatisfy { $0.entries.allSatisfy(\.isFinite) })
    }
  }

  // MARK: Gradients

  /// Central differences with step h have an error of about h² times a third derivative plus u/h times the values: with
  /// h = 1e-5 and everything of order 1 to 100, below 1e-8; 1e-7 is demanded, relative to the largest entry of the gradient.
  @Test("Gradients of x and every parameter agree with central differences, entry by entry", arguments: LayerSample.all)
  func centralDifferences(sample: LayerSample) throws {
    let (layer, dy) = (try sample.layer(), sample.normals("dy"))
    let x = sample.normals("x")
    func loss(_ layer: PathLayer<Double>, _ x: [Double]) throws -> Double {
      zip(try layer.forward(try sample.input(x)).y.entries, dy).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let gradients = try layer.gradients(of: try layer.forward(try sample.input()), outputCotangent: dy)
    func check(_ name: String, _ gradient: [Double], _ entries: [Double], _ loss: ([Double]) throws -> Double) throws {
      let tolerance = 1e-7 * max(1, gradient.map(abs).max() ?? 0)
      for index in entries.indices {
        var (above, below) = (entries, entries)
        above[index] += 1e-5
        below[index] -= 1e-5
        let difference = (try loss(above) - (try loss(below))) / (above[index] - below[index])
        #expect(abs(gradient[index] - difference) < tolerance, "\(name)[\(index)]")
      }
    }
    try check("x", gradients.x.entries, x) { try loss(layer, $0) }
    let all = Dictionary(uniqueKeysWithValues: layer.parameters.tensors.map { ($0.parameter.rawValue, $0.entries) })
    for (parameter, gradient) in gradients.parameters.tensors {
      try check(parameter.rawValue, gradient, all[parameter.rawValue]!) { entries in
        var changed = all
        changed[parameter.rawValue] = entries
        return try loss(
          PathLayer(
            LayerParameters(sample.configuration, entries: changed), gate: sample.gate, execution: layer.execution), x)
      }
    }
  }

  /// No step is taken, so only rounding is left.
  @Test("Gradients of x and every parameter agree with dual numbers, in random directions", arguments: LayerSample.all)
  func dualNumbers(sample: LayerSample) throws {
    typealias D = Dual<Double>
    let (layer, dy, x) = (try sample.layer(), sample.normals("dy"), sample.normals("x"))
    let gradients = try layer.gradients(of: try layer.forward(try sample.input()), outputCotangent: dy)
    var random = SeededGenerator(seed: 19, part: sample.name)
    /// The derivative of Σ dy · y when the numbers of one name change in a direction.
    func derivative(of name: String, _ direction: [Double]) throws -> Double {
      func moved(_ entries: [Double], _ isMoved: Bool) -> [D] {
        isMoved ? zip(entries, direction).map { D($0, derivative: $1) } : entries.map { D($0) }
      }
      let entries = layer.parameters.tensors.map { parameter, entries in
        (parameter.rawValue, moved(entries, parameter.rawValue == name))
      }
      let dual = PathLayer(
        try LayerParameters<D>(sample.configuration, entries: Dictionary(uniqueKeysWithValues: entries)),
        gate: sample.gate, execution: layer.execution)
      let input = try LayerInput<D>(
        batch: sample.batch, length: sample.length, hiddenSize: sample.configuration.hiddenSize,
        x: moved(x, name == "x"), segmentBoundaries: sample.segmentBoundaries)
      return zip(try dual.forward(input).y.entries, dy).reduce(0) { $0 + $1.0.derivative * $1.1 }
    }
    let named = gradients.parameters.tensors.map { ($0.parameter.rawValue, $0.entries) }
    for (name, gradient) in [("x", gradients.x.entries)] + named {
      for _ in 0..<2 {
        let direction = gradient.map { _ in random.normal() }
        let terms = zip(gradient, direction).map { $0 * $1 }
        let error = abs(terms.reduce(0, +) - (try derivative(of: name, direction)))
        #expect(error <= 1e-12 * max(1, terms.reduce(0) { $0 + abs($1) }), "\(name) off by \(error)")
      }
    }
  }

  // MARK: Parameters and errors

  @Test("The configuration follows from the dimensions of the parameters", arguments: LayerSample.all)
  func inference(sample: LayerSample) throws {
    let dimensions = sample.configuration.parameters.map {
      ($0.rawValue, sample.configuration.dimensions(of: $0)!)
    }
    var found = try LayerConfiguration(dimensions: Dictionary(uniqueKeysWithValues: dimensions))
    found.normEpsilon = sample.configuration.normEpsilon
    #expect(found == sample.configuration)
  }

  @Test("A seed gives the same parameters again, within the bounds of upstream")
  func initialisation() throws {
    let configuration = LayerConfiguration(
      hiddenSize: 64, queryHeads: 4, heads: 2, convolution: .init(width: 3, hasBias: true), hasForgetGate: true,
      hasQueryKeyNorm: true)
    func parameters(_ seed: UInt64) throws -> LayerParameters<Double> {
      var random = SeededGenerator(seed: seed)
      return try LayerParameters(configuration, using: &random)
    }
    let (first, again, other) = (try parameters(1), try parameters(1), try parameters(2))
    for (index, (parameter, entries)) in first.tensors.enumerated() {
      #expect(entries == again.tensors[index].entries)
      let largest = entries.map(abs).max()!
      switch parameter {
      case .queryNorm, .keyNorm: #expect(entries.allSatisfy { $0 == 1 })
      case .convolution, .convolutionBias: #expect((0.5...0.57736).contains(largest))
      case .reflectionUp: #expect((0.17...0.17678).contains(largest))
      default:
        #expect(entries != other.tensors[index].entries)
        #expect(largest <= 0.125, "\(parameter)")
      }
    }
  }

  @Test("Errors name the parameter or the size")
  func errors() throws {
    let configuration = LayerConfiguration(hiddenSize: 4, queryHeads: 2, reflectionRank: 2)
    var random = SeededGenerator(seed: 1)
    let parameters = try LayerParameters<Double>(configuration, using: &random)
    let entries = Dictionary(uniqueKeysWithValues: parameters.tensors.map { ($0.parameter.rawValue, $0.entries) })
    func expectError(_ expected: AttentionError, _ change: (inout [String: [Double]]) -> Void) {
      var changed = entries
      change(&changed)
      #expect(throws: expected) { try LayerParameters<Double>(configuration, entries: changed) }
    }
    expectError(.parameters(missing: ["k_proj.weight"], unexpected: [])) { $0["k_proj.weight"] = nil }
    expectError(.parameters(missing: [], unexpected: ["g_proj.weight"])) { $0["g_proj.weight"] = [1] }
    expectError(.count(tensor: "bt_proj.bias", expected: 2, found: 3)) { $0["bt_proj.bias"] = [1, 2, 3] }
    for (changed, error) in [
      (LayerConfiguration(hiddenSize: 0, queryHeads: 1), AttentionError.size(name: "hiddenSize", found: 0)),
      (LayerConfiguration(hiddenSize: 4, queryHeads: 0), .size(name: "queryHeads", found: 0)),
      (
        LayerConfiguration(hiddenSize: 5, queryHeads: 2),
        .option(name: "hiddenSize", expected: "a multiple of 2 query heads", found: "5")
      ),
      (LayerConfiguration(hiddenSize: 6, queryHeads: 3, heads: 2), .heads(queryHeads: 3, heads: 2)),
      (LayerConfiguration(hiddenSize: 4, queryHeads: 2, reflectionRank: 0), .size(name: "reflectionRank", found: 0)),
      (
        LayerConfiguration(hiddenSize: 4, queryHeads: 2, convolution: .init(width: 0)),
        .size(name: "convolution width", found: 0)
      ),
      (
        LayerConfiguration(hiddenSize: 4, queryHeads: 2, normEpsilon: -1),
        .option(name: "normEpsilon", expected: "finite and not negative", found: "-1.0")
      ),
    ] {
      #expect(throws: error) { try LayerParameters<Double>(changed, using: &random) }
    }
    #expect(throws: AttentionError.parameters(missing: ["o_proj.weight"], unexpected: [])) {
      try LayerConfiguration(
        dimensions: [
          "q_proj.weight": [4, 4], "k_proj.weight": [4, 4], "v_proj.weight": [4, 4], "bt_proj.weight": [2, 4],
          "bt_proj.bias": [2],
        ])
    }

    let layer = PathLayer(parameters)
    #expect(throws: AttentionError.count(tensor: "x", expected: 8, found: 7)) {
      try LayerInput<Double>(length: 2, hiddenSize: 4, x: [Double](repeating: 0, count: 7))
    }
    #expect(throws: AttentionError.size(name: "hiddenSize", found: 0)) {
      try LayerInput<Double>(length: 2, hiddenSize: 0, x: [])
    }
    let narrow = try LayerInput<Double>(length: 1, hiddenSize: 3, x: [1, 2, 3])
    #expect(throws: AttentionError.option(name: "hiddenSize", expected: "4", found: "3")) { try layer.forward(narrow) }
    let input = try LayerInput<Double>(length: 1, hiddenSize: 4, x: [1, 2, 3, 4])
    let pass = try layer.forward(input)
    #expect(throws: AttentionError.count(tensor: "dy", expected: 4, found: 1)) {
      try layer.gradients(of: pass, outputCotangent: [1])
    }
    var (_, cache) = try layer.prefill(input)
    let two = try LayerInput<Double>(batch: 2, length: 1, hiddenSize: 4, x: [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(throws: AttentionError.cache(expected: "1 sequences", found: "2")) { try layer.step(two, &cache) }
    let other = LayerConfiguration(hiddenSize: 4, queryHeads: 2, reflectionRank: 2, convolution: .init(width: 4))
    var (_, foreign) = try PathLayer(LayerParameters<Double>(other, using: &random)).prefill(input)
    let expected = AttentionError.cache(expected: "3 × 4 rows of w before the convolution", found: "2 × 4")
    #expect(throws: expected) { try layer.step(input, &foreign) }
    let infinite = try LayerInput<Double>(length: 1, hiddenSize: 4, x: [.infinity, 0, 0, 0])
    #expect(throws: AttentionError.self) { try layer.forward(infinite) }
  }
}
