import NumberFormats
import PathAttention
import Problems

/// How large the error of every row (token × head) of every tensor is in an honest implementation, and how a candidate
/// compares with that.
///
/// A numerics profile says where a kernel rounds. R runs of the reference with random rounding at those points sample the
/// honest error: run n is off by e_nr, a 2-norm over the lanes of row r. The **envelope** of the row is
///
///     E_r² = (Σ_n e_nr² + ν · m_r) / (R + ν)
///
/// where m_r is the mean of e² over the runs and over the rows of the same head and segment within `neighbours` tokens: it
/// counts as much as ν more runs would. E_r is never less than half an ulp of the reference in the format that the candidate is
/// stored in, nor than one rounding of an accumulator of the size of the root mean square row: what a sum leaves that
/// cancels depends on its order.
///
/// Why neighbours: a row of one lane has R squares to tell its variance from, and an honest error over such an estimate is
/// distributed as Student's t with R degrees of freedom, whose largest value among 10⁴ rows is 7.5 for R = 8, where that of
/// normal numbers is 4.1. Pooling with ν = 4 gives 12 degrees of freedom, and 5.5 (a moderated t-statistic: Smyth 2004).
///
/// Where nobody says how many rows a block of the kernel has, each of several sizes is sampled, and E_r is the largest of
/// what they give.
///
/// Where the honest error of a logit, as the envelope of lse tells it, is more than 1/4, rounding decides which keys are
/// attended to, and no first-order size of an error means anything: `WeightUncertainty` says how far it may go, and a row in
/// which that is as much as half of the row itself is not judged.
///
/// A candidate's **multiple** of the envelope compares two numbers with what they are for the runs themselves, each run held
/// against an envelope estimated from the others: max_r e_r / E_r, the worst row, and ‖e‖ / ‖E‖, the tensor as a whole. Run
/// against run is candidate against runs, if the candidate is honest: the chance that it exceeds all R of them is 1/(R + 1),
/// whatever the distribution, however many rows there are, and however their errors hang together. So a multiple of 1 is
/// ordinary; Docs/Envelopes.md says how often honest candidates reach 2 and 4.
public struct Envelope: Sendable {
  /// The profile that the runs follow.
  public let profile: NumericsProfile
  /// What it calls activation.
  public let activation: NumberFormat
  /// How many runs there are of each block size.
  public let samples: Int
  /// The block sizes that were sampled: that of the profile, or several if it has none.
  public let blockSizes: [Int]
  /// Where their random numbers start.
  public let seed: UInt64
  package let formats: [AttentionTensor: NumberFormat]
  private let tensors: [AttentionTensor: TensorEnvelope]

  /// Runs the reference `samples` times forward, and backward if there is a cotangent.
  ///
  /// - Parameters:
  ///   - attentionCase: The problem.
  ///   - reference: What the tensors should be. Those that are not there get no envelope.
  ///   - profile: Where a kernel rounds.
  ///   - activation: What the profile calls activation.
  ///   - formats: What the candidate's tensors are stored in, for the half ulp; `float64` for those that are not there.
  ///   - samples: R, at least 2; nil for the usual number.
  ///   - seed: Where the random numbers start.
  ///   - onProgress: Called with the fraction of the runs that is done.
  ///   - inspect: Called with the tensors of each run.
  ///   - evaluate: What a kernel computes that rounds; the definition when nil.
  /// - Throws: What `attention` throws.
  /// - Complexity: `samples` times the blockwise form for each block size, and about as much for the rounding.
  public init(
    _ attentionCase: AttentionCase, reference: [AttentionTensor: [Double]], profile: NumericsProfile,
    activation: NumberFormat, formats: [AttentionTensor: NumberFormat] = [:], samples: Int? = nil,
    seed: UInt64 = Envelope.usualSeed, onProgress: (@Sendable (Double) -> Void)? = nil,
    inspect: (([AttentionTensor: [Double]]) -> Void)? = nil,
    evaluate: ((EmulatedRounding) throws(AttentionError) -> [AttentionTensor: [Double]])? = nil
  ) throws(AttentionError) {
    self.profile = profile
    self.activation = activation
    blockSizes =
      evaluate == nil ? Self.blockSizes(of: profile, attentionCase.inputs) : [profile.blockSize ?? Self.usualBlockSize]
    let samples = samples ?? Self.usualSamples(kinds: blockSizes.count)
    precondition(samples >= 2, "each run is held against the others")
    self.samples = samples
    self.seed = seed
    self.formats = formats
    let layouts = Dictionary(
      uniqueKeysWithValues: reference.map {
        ($0, TokenRows(RowLayout($0, attentionCase.inputs), reference: $1))
      })
    var errors: [AttentionTensor: [[[Double]]]] = [:]
    let accumulators = profile.format(at: .accumulators, activation: activation)
    for (kind, blockSize) in blockSizes.enumerated() {
      let roundings = profile.stochasticRoundings(samples, activation: activation, seed: seed, part: "envelope")
      var lastDigits = LastDigits(unit: accumulators.unitRoundoff, seed: seed)
      for (run, rounding) in roundings.enumerated() {
        let tensors =
          if let evaluate {
            try evaluate(rounding)
          } else {
            try attentionCase.evaluate(blockSize: blockSize, rounding, lastDigits: &lastDigits)
          }
        inspect?(tensors)
        for (tensor, entries) in tensors {
          guard let layout = layouts[tensor] else { continue }
          if run == 0 { errors[tensor, default: []].append([]) }
          errors[tensor]![kind].append(layout.norms(of: entries, minus: reference[tensor]!))
        }
        onProgress?(Double(kind * samples + run + 1) / Double(blockSizes.count * samples))
      }
    }
    let uncertainty = WeightUncertainty(
      attentionCase, reference: reference,
      logitErrors: errors[.lse].map { TensorEnvelope(rows: layouts[.lse]!, samples: $0).rows } ?? [],
      knowsLogits: evaluate == nil)
    tensors = Dictionary(
      uniqueKeysWithValues: errors.map { tensor, errors in
        let layout = layouts[tensor]!
        let floors = layout.floors(
          of: reference[tensor]!, formats[tensor] ?? .float64, accumulators: accumulators)
        let bounds = uncertainty[tensor].map { bounds in
          (bounds: bounds.map { $0 / layout.unit }, sizes: layout.norms(of: reference[tensor]!))
        }
        return (tensor, TensorEnvelope(rows: layout, samples: errors, floors: floors, uncertainty: bounds))
      })
  }

  /// Eight runs: enough for the pooling, and cheap beside a reference in the sequential form.
  public static let usualSamples = 8
  /// As many in all, but for each of several kinds at least three.
  package static func usualSamples(kinds: Int) -> Int { max(3, (usualSamples + kinds - 1) / kinds) }
  /// The seed when none is given.
  public static let usualSeed: UInt64 = 1

  /// The block sizes that a kernel may have of which nobody says it.
  static let possibleBlockSizes = [16, 32, 64, 128]
  /// Where one size has to stand for all.
  package static let usualBlockSize = 64

  /// Those of a profile. Of the sizes that make one block of every segment, the smallest stands for all.
  private static func blockSizes(of profile: NumericsProfile, _ inputs: AttentionInputs<Double>) -> [Int] {
    if let blockSize = profile.blockSize { return [blockSize] }
    let longest = inputs.segments.map(\.count).max() ?? 0
    let cutting = possibleBlockSizes.filter { $0 < longest }
    return cutting + possibleBlockSizes.dropFirst(cutting.count).prefix(1)
  }

  /// What is known of a tensor; nil if it was not in the reference.
  public subscript(tensor: AttentionTensor) -> TensorEnvelope? { tensors[tensor] }

  /// The multiples of the envelope that the candidate of a tensor is at, from entries in the order of memory.
  ///
  /// Edge cases: a row in which the candidate is not finite is infinitely far off; one that has an infinite
  /// envelope says nothing.
  ///
  /// - Precondition: There is an envelope of this tensor, and the numbers of entries are right.
  public func comparison(
    of candidate: [Double], against reference: [Double], tensor: AttentionTensor
  ) -> TensorEnvelope.Comparison {
    tensors[tensor]!.comparison(of: candidate, against: reference)
  }

  /// The larger multiple of `comparison`: of the worst row, and of the tensor as a whole.
  ///
  /// - Parameters:
  ///   - candidate: The entries of the candidate, in the order of memory.
  ///   - reference: Those of the reference.
  ///   - tensor: Which tensor they are of.
  ///   - tokens: The tokens, over the whole batch, that the entries are of; all when nil.
  public func multiple(
    of candidate: [Double], against reference: [Double], tensor: AttentionTensor, tokens: [Int]? = nil
  ) -> Double {
    tensors[tensor]!.comparison(of: candidate, against: reference, tokens: tokens).multiple
  }
}

extension Envelope {
  /// Errors in multiples of the envelope.
  package var errorMultiple: ErrorMultiple {
    { tensor, reference, candidate, tokens in
      multiple(of: candidate, against: reference, tensor: tensor, tokens: tokens)
    }
  }
}
