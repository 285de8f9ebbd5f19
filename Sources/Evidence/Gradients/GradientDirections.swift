import LinearAlgebra
import PathAttention
import Problems

/// Which directions a gradient is checked in.
public struct GradientDirections: Sendable, Codable {
  /// Up to this many single entries of each gradient, drawn without repetition; the worst one has a place that can be named.
  public var entries: Int
  /// So many dense random directions of length 1 for each gradient, in which an error in any entry shows.
  public var random: Int
  /// Where the drawing starts.
  public var seed: UInt64

  /// Some of each, by default.
  public init(entries: Int = 16, random: Int = 2, seed: UInt64 = 1) {
    self.entries = entries
    self.random = random
    self.seed = seed
  }

  /// A direction in a tensor: one entry, or dense.
  enum Direction {
    case entry(Int)
    case dense([Double])

    package func vector(count: Int) -> [Double] {
      switch self {
      case .entry(let index): (0..<count).map { $0 == index ? 1 : 0 }
      case .dense(let vector): vector
      }
    }
  }

  /// The directions in a tensor of so many entries.
  func draw(_ tensor: AttentionTensor, count: Int) -> [Direction] {
    guard count > 0 else { return [] }
    var generator = SeededGenerator(seed: seed, part: "gradient check \(tensor)")
    let dense = (0..<random).map { _ in
      let vector = (0..<count).map { _ in generator.normal() }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return Direction.dense(vector.map { $0 / length })
    }
    let places = count <= entries ? Array(0..<count) : Array((0..<count).shuffled(using: &generator)[..<entries])
    return dense + places.map(Direction.entry)
  }
}

extension AttentionFunction {
  /// The same function of dual numbers.
  package var dual: AttentionFunction<Dual<S>> { AttentionFunction<Dual<S>>(scale: Dual(scale), gate: gate) }
}

extension AttentionInputs {
  /// The inputs x as x + ẋ ε, where ẋ is a direction in one of the tensors.
  package func dual(toward tensor: AttentionTensor, _ direction: [S]) throws(AttentionError) -> AttentionInputs<Dual<S>>
  {
    try map { candidate, entries in
      candidate == tensor
        ? zip(entries, direction).map { Dual($0, derivative: $1) } : entries.map { Dual($0) }
    }
  }
}
