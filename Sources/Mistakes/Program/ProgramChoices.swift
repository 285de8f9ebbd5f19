/// The steps of the program where implementations go different ways. The defaults are the definition; a variant changes
/// one of them.
struct ProgramChoices: Sendable, Equatable {
  // MARK: Reflections

  /// β_t
  package var β = Beta.given
  enum Beta: Equatable {
    case given, scaled(Double), lessOne, one, squared, previousToken
    /// β/(1 + β‖w‖²)
    case damped
  }

  /// w_t
  package var w = W.given
  enum W: Equatable { case given, scaled(Double), previousToken }

  /// Whether the product of reflections contains that of the query, H_i, and that of the key, H_j.
  var includesQueryReflection = true
  var includesKeyReflection = false

  /// What stands between q_i and k_j.
  package var product = Product.accumulated
  enum Product: Equatable {
    case accumulated
    /// Nothing.
    case none
    /// (q_i H_i) · (k_j H_j)
    case local
    /// (q_i H_i … H_0) · (k_j H_j … H_0)
    case absolute
    /// H_{j+1} … H_i
    case reversed
  }

  // MARK: Blocks

  /// T = M⁻¹ diag(β) with M = I + stril(diag(β) W Wᵀ)
  package var transform = Transform.given
  enum Transform: Equatable { case given, withoutβ, βAfter, flippedSign, transposed }
  /// Whether the entries of W Wᵀ in M are multiplied by exp(c_i − c_j).
  var decaysGram = false

  /// X ← X R
  package var carry = Carry.given
  enum Carry: Equatable { case given, transposed, none, beforeLogits, leftToRight }

  /// Whether R = I − Wᵀ U has its I.
  var transitionHasIdentity = true
  /// Whether keys are carried to the end of their block.
  var carriesKeys = true
  /// Where queries are not carried to the start of their block.
  var queriesNotCarried = Blocks.none
  /// Where the diagonal tile is plain Q Kᵀ.
  var diagonalNotCorrected = Blocks.none
  package enum Blocks: Equatable {
    case none, all
    /// The last one, if it is shorter than the others.
    case ragged
    /// The only one, if it is shorter than a block.
    case short
  }

  // MARK: Logits and softmax

  /// How often the scale is taken, wherever it enters.
  var scalings = 1
  /// What it is multiplied by there.
  var scaleFactor = 1.0
  /// What the logits are multiplied by besides, before the gate.
  package var logitFactor = 1.0

  /// gate_ij
  package var gate = Gate.given
  enum Gate: Equatable {
    case given, scaled, unscaled
    /// c_i − c_{j−1}
    case closed
    /// c_j − c_i
    case flipped
    case dropped
    /// exp(gate) multiplies the weights after the softmax.
    case multiplicative
    /// −c_j alone
    case columnsOnly
  }
  /// Whether the cumulative sum of the gate starts anew in each segment.
  var gateRestarts = true
  /// Whether it starts anew in each block.
  var gateRestartsInBlocks = false

  /// Which keys a query sees.
  package var mask = Mask.causal
  enum Mask: Equatable {
    case causal, strict, none
    /// Those of the own block.
    case ownBlock
    /// Not its own, in the last rows of a segment.
    case lastRowsStrict(Int)
    /// Those of the own block that come later too, with logits of zero.
    case zeroInBlock
    /// The same in the sum of the weights alone: the values of later keys stay out.
    case zeroInSum
  }

  /// What is done with the logits.
  var weighting = Weighting.softmax
  enum Weighting: Equatable { case softmax, none }

  /// Whether a weight meets the value of the token before its own.
  var readsPreviousValue = false
  /// Whether the reflections act on values as they act on keys.
  var reflectsValues = false

  /// What is given as the log-sum-exp.
  package var logSumExp = LogSumExp.natural
  enum LogSumExp: Equatable { case natural, baseTwo, withoutMaximum }

  // MARK: Heads, segments, rows

  /// Which head a query head h of groups of n reads: h / n, or h mod H.
  var keysByModulo = false
  var wByModulo = false
  var βByModulo = false

  /// Where segments begin.
  package var segments = Segments.separate
  package enum Segments: Equatable {
    case separate
    /// Boundaries inside a sequence are not looked at.
    case ignored
    /// Blocks are cut on the packed axis, and a segment sees all of the block that it begins in.
    case sharedBlocks
    /// Blocks are cut on the packed axis, and tokens of other segments are masked.
    case maskedBlocks
  }

  /// Rows of o, lse and dq that are never written and stay zero.
  var unwrittenRows = UnwrittenRows.none
  enum UnwrittenRows: Equatable { case none, last, raggedBlock }

  /// The steps of the backward pass.
  package var backward = BackwardChoices()
}

/// The steps of the backward pass where implementations go different ways.
struct BackwardChoices: Sendable, Equatable {
  /// Terms of the gradients that are left out.
  package var missing: GradientTerms = []
  /// Whether the solve's adjoint solves with Mᵀ.
  var adjointTransposes = true
  /// Whether dA = scale · dS.
  var scalesLogitCotangent = true
  /// Whether dc has the factor that the gate has.
  var scalesGateCotangent = true
  /// Whether the rows, and not only the columns, of dS reach dc.
  var gateRowsReach = true
  /// How dg comes from dc.
  var gateSum = GateSum.reverse
  enum GateSum: Equatable { case reverse, reverseExclusive, forward, none }
  /// Whether the reverse cumulative sum of dc ends at the segment's end.
  var gateSumRestarts = true
  /// Whether dV = Pᵀ dO has the normalised P.
  var normalisesValueCotangent = true
  /// Whether the cotangent of the log-sum-exp is used.
  var usesLogSumExpCotangent = true
  /// Whether the cotangent of carried queries passes a block by Rᵀ, and not by I.
  var transformsCarriedCotangent = true
  /// Gradients of which the last query head of a group overwrites those of the others.
  package var overwritten: KeySideGradients = []
  /// Gradients that query head h adds to head h mod H instead of the one that it reads.
  package var summedByModulo: KeySideGradients = []
  struct KeySideGradients: OptionSet {
    package let rawValue: Int
    package static let dk = Self(rawValue: 1)
    package static let dv = Self(rawValue: 2)
    package static let dw = Self(rawValue: 4)
    package static let dbeta = Self(rawValue: 8)
  }
}

/// Terms of the gradient of the blockwise form, each named by the operand that it flows to.
///
///     X = tril(Q Wᵀ)   Y = stril(W Kᵀ)   M = I + stril(diag(β) W Wᵀ)   Z = M⁻¹ diag(β) Y   U = M⁻¹ diag(β) W
///     A_bb = Q Kᵀ − X Z   Q̃ = Q − X U   K̂ = K − Zᵀ W   R = I − Wᵀ U   A_bc = Q̃ R … R K̂ᵀ
struct GradientTerms: OptionSet, Sendable {
  package let rawValue: Int

  /// Q in X.
  static let queriesInX = Self(rawValue: 1 << 0)
  /// W in X.
  static let wInX = Self(rawValue: 1 << 1)
  /// K in Y.
  static let keysInY = Self(rawValue: 1 << 2)
  /// W in Y.
  static let wInY = Self(rawValue: 1 << 3)
  /// W in M, both times.
  static let wInM = Self(rawValue: 1 << 4)
  /// β in M.
  static let βInM = Self(rawValue: 1 << 5)
  /// β in Z and U.
  static let βOutside = Self(rawValue: 1 << 6)
  /// M in Z and U: −M⁻ᵀ dZ Zᵀ
  package static let inverse = Self(rawValue: 1 << 7)
  /// W in U.
  static let wInU = Self(rawValue: 1 << 8)
  /// U in Q̃.
  static let uInCarriedQueries = Self(rawValue: 1 << 9)
  /// W in K̂.
  static let wInCarriedKeys = Self(rawValue: 1 << 10)
  /// Z in K̂.
  static let zInCarriedKeys = Self(rawValue: 1 << 11)
  /// W in R.
  static let wInTransition = Self(rawValue: 1 << 12)
  /// R in A_bc.
  static let transition = Self(rawValue: 1 << 13)
  /// Q̃ R … R in what is carried further.
  package static let carry = Self(rawValue: 1 << 14)
  /// The normaliser of the softmax: −δ
  package static let normaliser = Self(rawValue: 1 << 15)

  /// W wherever it stands.
  package static let w: Self = [.wInX, .wInY, .wInM, .wInU, .wInCarriedKeys, .wInTransition]
}
