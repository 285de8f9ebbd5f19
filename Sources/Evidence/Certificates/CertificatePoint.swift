import LinearAlgebra
import PathAttention

/// Different bodies that should compute the same numbers. Each is generic over the scalar, so that the very text that is
/// compared over the prime field is run over `Degree` too.
public protocol CertifiableIdentity {
  /// What the bodies compute.
  var name: String { get }

  /// The numbers, text by text; the first is what the others are compared with.
  func bodies<S: SoftmaxScalar>(at point: CertificatePoint<S>) throws(AttentionError) -> [CertificateBody<S>]
}

/// The numbers that one text computes at a point.
public struct CertificateBody<S: Scalar> {
  /// What reports call the text.
  public let name: String
  /// What it computes.
  public let numbers: [S]

  /// The numbers of a text.
  public init(name: String, numbers: [S]) {
    self.name = name
    self.numbers = numbers
  }
}

/// A point at which bodies are compared: every number that they take is drawn on its own.
public struct CertificatePoint<S: SoftmaxScalar> {
  /// One sequence of q, k, v, w, β and, if asked for, g.
  public let inputs: AttentionInputs<S>
  /// Scale and gate convention.
  public let function: AttentionFunction<S>
  /// A cotangent of the logits.
  public let cotangent: LogitTable<S>
  /// A direction in the space of the inputs.
  public let direction: AttentionInputs<S>

  package init(_ request: CertificateRequest, draw: () -> S) throws(AttentionError) {
    let shape = request.shape
    try shape.validate()
    func draws(_ tensor: AttentionTensor) -> [S] {
      (0..<shape.count(of: tensor)).map { _ in draw() }
    }
    inputs = try AttentionInputs(
      shape: shape, q: draws(.q), k: draws(.k), v: draws(.v), w: draws(.w), beta: draws(.beta),
      g: request.gate.map { _ in draws(.g) })
    function = AttentionFunction(scale: draw(), gate: request.gate ?? .scaled)
    cotangent = LogitTable(inputs).map { _ in draw() }
    direction = try inputs.map { _, entries in entries.map { _ in draw() } }
  }

  /// x + ẋ ε for the inputs x and the direction ẋ.
  func dualInputs() throws(AttentionError) -> AttentionInputs<Dual<S>> {
    let directions = Dictionary(uniqueKeysWithValues: direction.tensors.map { ($0.tensor, $0.entries.entries) })
    return try inputs.map { tensor, entries in
      zip(entries, directions[tensor]!).map { Dual($0, derivative: $1) }
    }
  }
}
