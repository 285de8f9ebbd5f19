import Foundation
import LinearAlgebra
import PathAttention
import Problems

/// What to certify.
public struct CertificateRequest: Sendable {
  /// The tokens of the one sequence, at least 1.
  public var length: Int
  /// Query heads, a multiple of `heads`.
  public var queryHeads: Int
  /// Key/value heads.
  public var heads: Int
  /// Lanes of q, k and w.
  public var keyDim: Int
  /// Lanes of v.
  public var valueDim: Int
  /// The block sizes of the blockwise form.
  public var blockSizes: [Int]
  /// How the gate enters; nil for no gate.
  public var gate: GateConvention?
  /// At how many random points the bodies are compared.
  public var points: Int
  /// Where the drawing of points starts.
  public var seed: UInt64

  /// A request, by default for one point.
  public init(
    length: Int, queryHeads: Int = 2, heads: Int = 1, keyDim: Int, valueDim: Int = 2, blockSizes: [Int],
    gate: GateConvention? = .scaled, points: Int = 1, seed: UInt64 = 1
  ) {
    self.length = length
    self.queryHeads = queryHeads
    self.heads = heads
    self.keyDim = keyDim
    self.valueDim = valueDim
    self.blockSizes = blockSizes
    self.gate = gate
    self.points = points
    self.seed = seed
  }

  package var shape: AttentionShape {
    AttentionShape(
      length: length, queryHeads: queryHeads, heads: heads, keyDim: keyDim, valueDim: valueDim)
  }

  /// The three forms, the blockwise one with each block size, without and with folded blocks.
  package var forms: [AttentionForm] {
    [.sequentialProduct, .compactWY]
      + blockSizes.flatMap { size in
        [0, 3].map { .blockwise(blockSize: size, levels: $0) }
      }
  }
}

/// The statement that different bodies compute the same numbers, with the probability that it is wrong.
///
/// Everything but the softmax is polynomial in the inputs, and the softmax rational in formal exponentials. Two bodies that
/// compute different functions differ in some number by a rational function whose numerator, a polynomial of degree at most
/// D, is not zero; at a uniformly random point of the field of p = 2⁶¹ − 1 elements it vanishes with probability at most D/p
/// (Schwartz 1980, Zippel 1979). So if the bodies agree at the point, they agree as functions for these shapes, except with
/// probability at most D/p. D is not taken from a formula: the same bodies are run over `Degree`.
///
/// The statement is about polynomials over that field. A difference between polynomials with integer coefficients would have
/// to be a multiple of p in every coefficient to escape it.
public struct Certificate: Sendable, Codable, CustomStringConvertible {
  /// The sizes.
  public var shape: ReportShape
  /// The block sizes of the blockwise form.
  public var blockSizes: [Int]
  /// How the gate enters, if there is one.
  public var gate: GateConvention?
  /// At how many random points the bodies were compared.
  public var points: Int
  /// Where the drawing of points started.
  public var seed: UInt64
  /// Whether all bodies agree everywhere.
  public var holds: Bool
  /// One claim for every identity.
  public var claims: [Claim]

  /// One identity between bodies.
  public struct Claim: Sendable, Codable {
    /// What is computed, like `logits`.
    public var name: String
    /// The bodies that compute it; the first is what the others are compared with.
    public var bodies: [String]
    /// How many numbers each computes.
    public var numbers: Int
    /// The degree D of the polynomials that are zero if the bodies agree.
    public var degree: Int
    /// (D/p)^points.
    public var probability: Double
    /// Whether all bodies agree.
    public var holds: Bool
    /// The bodies that differ from the first at some point.
    public var differing: [String]
  }

  /// The claims as text.
  public var description: String {
    let sizes =
      "T \(shape.length), HQ \(shape.queryHeads), H \(shape.heads), K \(shape.keyDim), V \(shape.valueDim), "
      + "blocks of \(blockSizes.map(String.init).joined(separator: " and ")), "
      + (gate.map { "\($0) gate" } ?? "no gate")
    let lines = claims.map { claim -> String in
      let numbers =
        "  \(claim.name): \(claim.numbers) numbers, \(claim.bodies.count) bodies, degree ≤ \(claim.degree): "
      if !claim.holds { return numbers + "DIFFER in \(claim.differing.joined(separator: "; "))" }
      return numbers + "equal except with probability ≤ " + String(format: "%.2g", claim.probability)
    }
    let place = "\(points == 1 ? "one random point" : "\(points) random points") of the field of 2⁶¹ − 1 elements"
    return (["For these shapes (\(sizes)), at \(place), seed \(seed):"] + lines).joined(separator: "\n")
  }
}

/// Certifies identities between bodies at the shapes of a request.
///
/// ```swift
/// print(try certify(CertificateRequest(length: 64, keyDim: 16, blockSizes: [8, 7])))
/// ```
///
/// - Parameters:
///   - request: Shapes, points, seed.
///   - identities: What is certified: those of the request, or your own.
///   - onProgress: Called with the fraction of the identities done.
/// - Throws: `AttentionError` when the shape or an option makes no sense; what an identity throws.
/// - Complexity: For each point and form a few forward and backward passes in 64-bit integer arithmetic, and as much for the
///   degrees.
public func certify(
  _ request: CertificateRequest, _ identities: [any CertifiableIdentity]? = nil,
  onProgress: ((Double) -> Void)? = nil
) throws(AttentionError) -> Certificate {
  for (name, value) in [("length", request.length), ("points", request.points)] where value < 1 {
    throw .option(name: name, expected: "at least 1", found: "\(value)")
  }
  let shape = request.shape
  let identities = identities ?? request.identities
  let degreePoint = try CertificatePoint<Degree>(request) { .unknown }
  let points = try (0..<request.points).map { index throws(AttentionError) in
    var random = SeededGenerator(seed: request.seed, part: "certificate point \(index)")
    return try CertificatePoint<PrimeField>(request) { random.fieldElement() }
  }
  var claims: [Certificate.Claim] = []
  for (index, identity) in identities.enumerated() {
    claims.append(try certify(identity, degreePoint, points))
    onProgress?(Double(index + 1) / Double(identities.count))
  }
  return Certificate(
    shape: ReportShape(shape, segments: 1),
    blockSizes: request.blockSizes, gate: request.gate, points: request.points, seed: request.seed,
    holds: claims.allSatisfy(\.holds), claims: claims)
}

private func certify(
  _ identity: some CertifiableIdentity, _ degreePoint: CertificatePoint<Degree>,
  _ points: [CertificatePoint<PrimeField>]
) throws(AttentionError) -> Certificate.Claim {
  let degrees = try identity.bodies(at: degreePoint)
  let degree =
    degrees.dropFirst().flatMap { body in
      zip(body.numbers, degrees[0].numbers).map { ($0 - $1).numerator ?? 0 }
    }.max() ?? 0
  var differing: [String] = []
  for point in points {
    let bodies = try identity.bodies(at: point)
    for body in bodies.dropFirst() where body.numbers != bodies[0].numbers && !differing.contains(body.name) {
      differing.append(body.name)
    }
  }
  let chance = Double(degree) / Double(PrimeField.modulus)
  return Certificate.Claim(
    name: identity.name, bodies: degrees.map(\.name), numbers: degrees[0].numbers.count, degree: degree,
    probability: min(1, (0..<points.count).reduce(1) { product, _ in product * chance }), holds: differing.isEmpty,
    differing: differing)
}
