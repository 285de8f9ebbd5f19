import PathAttention

/// A way in which implementations of the layer, or its paths among each other, are known to disagree.
public enum LayerDisagreement: String, Sendable, Codable, CaseIterable {
  /// q and k are not normalised, though the layer has the option.
  case normMissing
  /// The gate enters with the other convention: unscaled where it should be scaled, or the reverse.
  case gateConvention
  /// The convolution starts from zeros at the first step: the prefill does not hand out its last rows.
  case convolutionStateNotHandedOver
  /// The convolution starts from zeros at every step.
  case convolutionStateLost
  /// The prefill hands out keys as they are, not carried to its last token.
  case keysNotCarried
  /// A step leaves the cached keys as they are.
  case keysNotUpdated
  /// w is divided by its length before the convolution instead of after SiLU.
  case wNormalisedBeforeConvolution
  /// w is divided by its length over all heads together.
  case wNormalisedAcrossHeads

  /// What an implementation that disagrees does, as the rest of a sentence about it.
  public var text: String {
    switch self {
    case .normMissing: "the q/k norm is missing"
    case .gateConvention: "the gate has the other convention (unscaled instead of scaled, or the reverse)"
    case .convolutionStateNotHandedOver: "the convolution state of the prefill is lost"
    case .convolutionStateLost: "the convolution state is lost at every step"
    case .keysNotCarried: "the prefill hands out a cache of un-carried keys"
    case .keysNotUpdated: "decoding does not update the cached keys"
    case .wNormalisedBeforeConvolution: "w is normalised before the convolution"
    case .wNormalisedAcrossHeads: "w is normalised across heads"
    }
  }
}

/// A disagreement, and the paths that have it.
public struct LayerVariant: Sendable, Hashable {
  /// What is done differently.
  public let disagreement: LayerDisagreement
  /// Where.
  public let paths: Set<LayerPath>

  /// A disagreement in some paths. Where a path has no place for it, it changes nothing.
  public init(disagreement: LayerDisagreement, paths: Set<LayerPath>) {
    self.disagreement = disagreement
    self.paths = paths
  }

  /// The variants that could explain why some paths are wrong and others are not, the simplest first.
  ///
  /// A disagreement of the full path or of the prefill shows in their own outputs. What decoding computes depends on the
  /// prefill too, whose outputs may not be there.
  ///
  /// - Parameters:
  ///   - wrong: The paths with an output that is wrong.
  ///   - right: Those that have outputs, all of them right.
  package static func explanations(
    wrong: Set<LayerPath>, right: Set<LayerPath>, _ configuration: LayerConfiguration
  ) -> [LayerVariant] {
    let certain = wrong.subtracting([.decode])
    let open =
      wrong.contains(.decode) ? [LayerPath.decode, .prefill].filter { !right.union(certain).contains($0) } : []
    let sets = open.reduce([certain]) { sets, path in sets + sets.map { $0.union([path]) } }.filter { !$0.isEmpty }
    return LayerDisagreement.allCases.filter { $0.isPossible(configuration) }.flatMap { disagreement in
      switch disagreement {
      case .convolutionStateNotHandedOver, .convolutionStateLost, .keysNotUpdated:
        certain.isEmpty ? [LayerVariant(disagreement: disagreement, paths: [.decode])] : []
      case .keysNotCarried: certain.isEmpty ? [LayerVariant(disagreement: disagreement, paths: [.prefill])] : []
      case .normMissing, .gateConvention, .wNormalisedBeforeConvolution, .wNormalisedAcrossHeads:
        sets.map { LayerVariant(disagreement: disagreement, paths: $0) }
      }
    }
  }
}

extension LayerDisagreement {
  fileprivate func isPossible(_ configuration: LayerConfiguration) -> Bool {
    switch self {
    case .normMissing: configuration.hasQueryKeyNorm
    case .gateConvention: configuration.hasForgetGate
    case .convolutionStateNotHandedOver, .convolutionStateLost, .wNormalisedBeforeConvolution:
      configuration.convolution != nil
    case .keysNotCarried, .keysNotUpdated: true
    case .wNormalisedAcrossHeads: configuration.heads > 1
    }
  }
}
