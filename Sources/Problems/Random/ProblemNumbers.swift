import LinearAlgebra
import PathAttention

extension Problem {
  /// The inputs in `Double`. Each tensor has random numbers of its own, token after token, so a shorter problem of one
  /// sequence has the first numbers of the longer one.
  public func inputs() throws(AttentionError) -> AttentionInputs<Double> {
    try shape.validate()
    let k = normals(.k)
    let scale: Double =
      switch logits {
      case .ordinary: 1
      case .huge: 1000
      case .tiny: 1e-6
      case .zero: 0
      }
    return try AttentionInputs(
      shape: shape, q: normals(.q).map { scale * $0 }, k: k, v: normals(.v), w: reflectionVectors(keys: k),
      beta: reflectionStrengths(), g: gate.map(gates), segmentBoundaries: segmentBoundaries)
  }

  /// The inputs with both cotangents and the usual scale.
  public func attentionCase() throws(AttentionError) -> AttentionCase {
    AttentionCase(
      try inputs(), gate: convention, outputCotangent: outputCotangent(), lseCotangent: lseCotangent())
  }

  /// A cotangent of the outputs, [B, T, HQ, V].
  public func outputCotangent() -> [Double] { normals(.do) }

  /// A cotangent of the log-sum-exp, [B, T, HQ].
  public func lseCotangent() -> [Double] { normals(.dlse) }

  /// Inputs over the prime field: uniformly random, but for the structure that a family of β or w has (equal, opposite,
  /// equal to the keys, of the standard basis).
  public func exactInputs() throws(AttentionError) -> AttentionInputs<PrimeField> {
    try shape.validate()
    let k = fieldElements(.k)
    let row = shape.heads * shape.keyDim
    let raw = fieldElements(.w)
    let w: [PrimeField] =
      switch self.w {
      case .repeated: raw.indices.map { raw[$0 % row] }
      case .alternating: raw.indices.map { $0 / row % 2 == 0 ? raw[$0 % row] : -raw[$0 % row] }
      case .keys: k
      case .oneHot: oneHot().map { PrimeField(Int($0)) }
      case .unit, .correlated, .shorter: raw
      }
    let beta: [PrimeField] =
      switch self.beta {
      case .zero: fieldElements(.beta).map { _ in .zero }
      case .one: fieldElements(.beta).map { _ in .one }
      case .two: fieldElements(.beta).map { _ in PrimeField(2) }
      case .uniform, .nearTwo, .runs, .beyond: fieldElements(.beta)
      }
    return try AttentionInputs(
      shape: shape, q: fieldElements(.q), k: k, v: fieldElements(.v), w: w, beta: beta,
      g: gate.map { _ in fieldElements(.g) }, segmentBoundaries: segmentBoundaries)
  }

  /// A uniformly random cotangent of the logits over the prime field.
  public func exactLogitCotangent(_ inputs: AttentionInputs<some Scalar>) -> LogitTable<PrimeField> {
    var random = SeededGenerator(seed: seed, part: "logit cotangent")
    return LogitTable(inputs).map { _ in random.fieldElement() }
  }

  /// The function of the problem over the prime field, with a uniformly random scale.
  public func exactFunction() -> AttentionFunction<PrimeField> {
    var random = SeededGenerator(seed: seed, part: "field scale")
    return AttentionFunction(scale: random.fieldElement(), gate: convention)
  }

  // MARK: Families

  private func count(_ tensor: AttentionTensor) -> Int { shape.count(of: tensor) }

  private func normals(_ tensor: AttentionTensor) -> [Double] {
    var random = SeededGenerator(seed: seed, part: tensor.rawValue)
    return (0..<count(tensor)).map { _ in random.normal() }
  }

  /// Uniformly random elements of the prime field in the shape of a tensor.
  package func fieldElements(_ tensor: AttentionTensor) -> [PrimeField] {
    var random = SeededGenerator(seed: seed, part: "field \(tensor.rawValue)")
    return (0..<count(tensor)).map { _ in random.fieldElement() }
  }

  private func reflectionStrengths() -> [Double] {
    var random = SeededGenerator(seed: seed, part: "beta")
    return (0..<count(.beta)).map { index in
      let token = index / shape.heads
      switch self.beta {
      case .zero: return 0
      case .one: return 1
      case .two: return 2
      case .uniform: return random.uniform(0...2)
      case .nearTwo: return random.uniform(1.9...2)
      case .runs: return random.uniform(token / 3 % 2 == 0 ? 0...0.05 : 1.95...2)
      case .beyond: return random.uniform(1.5...2.5)
      }
    }
  }

  private func reflectionVectors(keys: [Double]) -> [Double] {
    let d = shape.keyDim
    let row = shape.heads * d
    let raw = normals(.w)
    switch w {
    case .unit: return normalised(raw, lanes: d)
    case .repeated: return normalised(raw.indices.map { raw[$0 % row] }, lanes: d)
    case .alternating:
      return normalised(raw.indices.map { $0 / row % 2 == 0 ? raw[$0 % row] : -raw[$0 % row] }, lanes: d)
    case .keys: return normalised(keys, lanes: d)
    case .correlated: return normalised(raw.indices.map { raw[$0 % row] + 0.2 * raw[$0] }, lanes: d)
    case .oneHot: return oneHot()
    case .shorter:
      var random = SeededGenerator(seed: seed, part: "length of w")
      let lengths = (0..<count(.w) / d).map { _ in random.uniform(0.5...1) }
      return normalised(raw, lanes: d).enumerated().map { lengths[$0 / d] * $1 }
    }
  }

  private func oneHot() -> [Double] {
    var random = SeededGenerator(seed: seed, part: "one-hot w")
    return (0..<count(.w) / shape.keyDim).flatMap { _ -> [Double] in
      let hot = Int.random(in: 0..<shape.keyDim, using: &random)
      return (0..<shape.keyDim).map { $0 == hot ? 1 : 0 }
    }
  }

  private func gates(_ family: GateFamily) -> [Double] {
    var random = SeededGenerator(seed: seed, part: "g")
    return (0..<count(.g)).map { _ in
      switch family {
      case .weak: random.uniform(-0.01...0)
      case .strong: random.uniform(-1.2...0)
      case .stepped: random.uniform(0...1) < 0.2 ? -20 : 0
      }
    }
  }
}

/// Every vector of so many numbers divided by its length.
package func normalised(_ vectors: [Double], lanes: Int) -> [Double] {
  stride(from: 0, to: vectors.count, by: lanes).flatMap { start -> [Double] in
    let vector = vectors[start..<start + lanes]
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.map { $0 / length }
  }
}
