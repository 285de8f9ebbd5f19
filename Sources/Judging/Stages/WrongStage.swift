import PathAttention

/// A step of the computation that is wrong although everything that it is computed from is right, as far as can be seen.
public struct WrongStage: Sendable, Codable, CustomStringConvertible {
  /// The stage, output or gradient, by its name in files.
  public var name: String
  /// What it should be, if it is a stage.
  public var formula: String?
  /// The nearest steps before it that are in the file and pass; none if there are none.
  public var after: [String]

  /// Like `transformed_w (U = T W): transform, from which it is computed, is right`.
  public var description: String {
    let what = name + (formula.map { " (\($0))" } ?? "")
    switch after.count {
    case 0 where isFromInputs: return "\(what): it is computed from the inputs alone"
    case 0:
      return "\(what): no step before it is in the file and passes (\(Self.before(name).joined(separator: ", ")))"
    case 1: return "\(what): \(after[0]), from which it is computed, is right"
    default: return "\(what): \(after.joined(separator: ", ")), from which it is computed, are right"
    }
  }

  private var isFromInputs: Bool { Self.sources[name]?.isEmpty ?? true }

  /// The first wrong steps among those that have been judged.
  ///
  /// - Parameter verdicts: By name; steps that are not in the file are passed over.
  package static func first(_ verdicts: [String: Verdict]) -> [WrongStage] {
    order.filter { verdicts[$0] == .fail && !before($0).contains { verdicts[$0] == .fail } }.map { name in
      WrongStage(name: name, formula: Stage(rawValue: name)?.formula, after: nearest(name, verdicts))
    }
  }

  /// The steps as they are computed.
  private static let order = Stage.allCases.map(\.rawValue) + ["lse", "o", "dv", "dg", "dq", "dk", "dw", "dbeta"]

  /// What each step is computed from, besides the inputs.
  private static let sources: [String: [String]] = {
    func names(_ stages: Stage...) -> [String] { stages.map(\.rawValue) }
    var sources: [String: [String]] = [
      Stage.inverse.rawValue: [],
      Stage.T.rawValue: names(.inverse),
      Stage.U.rawValue: names(.T),
      Stage.K̂.rawValue: names(.T),
      Stage.Q̃.rawValue: names(.U),
      Stage.logits.rawValue: names(.K̂, .Q̃),
      "lse": names(.logits),
      // The sums of the softmax are shared.
      "o": ["lse"],
      "dv": ["lse"],
    ]
    for gradient in ["dg", "dq", "dk", "dw", "dbeta"] { sources[gradient] = ["lse", "o"] }
    return sources
  }()

  /// All steps before one.
  private static func before(_ name: String) -> [String] {
    var found = Set<String>()
    var open = sources[name] ?? []
    while let step = open.popLast() {
      if found.insert(step).inserted { open += sources[step] ?? [] }
    }
    return order.filter(found.contains)
  }

  /// The steps before one that pass, without those that stand behind others.
  private static func nearest(_ name: String, _ verdicts: [String: Verdict]) -> [String] {
    let right = before(name).filter { verdicts[$0] == .pass }
    return right.filter { step in !right.contains { before($0).contains(step) } }
  }
}
