import Foundation
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems

/// How the derivative was found that gradients were compared with.
public enum GradientCheckMethod: String, Sendable, Codable {
  /// Dual numbers over the prime field: no step, no rounding, equality.
  case exact
  /// Dual numbers over Double through the definition: no step, rounding only.
  case dual
  /// Central differences of the checked function itself, extrapolated: a black box is enough.
  case differences
}

/// The result of checking someone's gradients against a derivative found in another way.
public struct GradientCheckReport: Sendable, Codable, CustomStringConvertible {
  /// How the derivative was found.
  public var method: GradientCheckMethod
  /// Whose gradients were checked.
  public var subject: String
  /// What was checked, as a line from which it can be done again.
  public var problem: String
  /// Where it was looked; nil if the problem determines that.
  public var directions: GradientDirections?
  /// Whether every gradient agrees.
  public var holds: Bool
  /// One entry for every gradient.
  public var tensors: [TensorReport]

  init(
    _ method: GradientCheckMethod, subject: String, problem: String, directions: GradientDirections? = nil,
    tensors: [TensorReport]
  ) {
    self.method = method
    self.subject = subject
    self.problem = problem
    self.directions = directions
    self.tensors = tensors
    holds = tensors.allSatisfy(\.holds)
  }

  /// One gradient.
  public struct TensorReport: Sendable, Codable {
    /// Like `dw`.
    public var name: String
    /// How many entries the gradient has.
    public var entries: Int
    /// In how many directions the derivative was compared: dense random ones, and single entries.
    public var directions: Int
    /// Whether the gradient agrees in all of them.
    public var holds: Bool
    /// The direction in which the gradient is furthest off; nil if it is empty, or all comparisons were exact and held.
    public var worst: Comparison?
    /// The largest tolerance relative to the largest derivative: an error smaller than this part of the gradient's size may
    /// go unseen. 0 if comparisons were exact.
    public var resolution: ReportNumber
  }

  /// The derivative in one direction.
  public struct Comparison: Sendable, Codable {
    /// The entry that was varied; nil for a dense random direction.
    public var place: Place?
    /// The derivative that was found in another way; nil in a prime field, whose numbers have no size.
    public var derivative: ReportNumber?
    /// What the gradient says it is; nil in a prime field.
    public var gradient: ReportNumber?
    /// How far the two may be apart.
    public var tolerance: ReportNumber
    /// |derivative − gradient| / tolerance: at most 1 if the gradient agrees.
    public var excess: ReportNumber
  }

  /// A line for every gradient, and a line to replay the check.
  public var description: String {
    let lines = tensors.map { tensor -> String in
      var line = "  \(tensor.name.padding(toLength: 6, withPad: " ", startingAt: 0)) "
      line += tensor.holds ? "agrees" : "DIFFERS"
      line += " in \(tensor.directions) directions of \(tensor.entries) entries"
      guard let worst = tensor.worst else { return line }
      let place = worst.place.map { "at \($0)" } ?? "in a random direction"
      guard let derivative = worst.derivative, let gradient = worst.gradient else { return line + ", first \(place)" }
      return line + "; furthest off \(place): "
        + String(
          format: "%.10g against %.10g, %.2g of the tolerance %.2g", gradient.value, derivative.value,
          worst.excess.value, worst.tolerance.value)
    }
    let title = "\(subject), gradients by \(method) derivatives: \(holds ? "hold" : "DO NOT HOLD")"
    let drawn = directions.map {
      ", \($0.entries) entries and \($0.random) random directions of each, seed \($0.seed)"
    }
    return ([title] + lines + ["  replay \(problem)\(drawn ?? "")"]).joined(separator: "\n")
  }
}

/// Why gradients could not be checked.
public enum GradientCheckError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The case has no cotangent of the outputs, so there is nothing to differentiate.
  case noCotangent
  /// There is no direction to look in, or a number of directions is negative.
  case directions(entries: Int, random: Int)
  /// A tensor has the wrong number of entries.
  case count(tensor: String, expected: Int, found: Int)

  /// One line.
  public var description: String {
    switch self {
    case .noCotangent: "a gradient check needs a cotangent of the outputs, found none"
    case .directions(let entries, let random):
      "a gradient check needs directions, found \(entries) entries and \(random) random ones"
    case .count(let tensor, let expected, let found):
      "tensor '\(tensor)' must have \(expected) entries, found \(found)"
    }
  }
}
