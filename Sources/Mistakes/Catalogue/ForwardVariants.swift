import PathAttention

extension VariantCatalogue {
  /// Variants that compute something else already forward.
  package static let forward: [Variant] =
    products + inputs + transforms + blocks + rows + softmax + gates + packing

  private static let products = [
    Variant("order.reversed", "q H_{j+1} … H_i k: the reflections in ascending order") { $0.product = .reversed },
    Variant("interval.closed", "[j, i]: the key's own reflection acts too, as when a new key is updated on decode") {
      $0.includesKeyReflection = true
    },
    Variant("interval.open", "(j, i): the query's own reflection is left out") { $0.includesQueryReflection = false },
    Variant("interval.left", "[j, i): the key's own reflection instead of the query's") {
      $0.includesKeyReflection = true
      $0.includesQueryReflection = false
    },
    Variant("product.none", "q · k: plain attention; in decoding, cached keys that are never updated") {
      $0.product = .none
    },
    Variant("product.local", "(q_i H_i) · (k_j H_j): own reflections only, nothing accumulated") {
      $0.product = .local
    },
    Variant("product.orthogonal", "(q_i H_i … H_0) · (k_j H_j … H_0): absolute, right only if β‖w‖² is always 2") {
      $0.product = .absolute
    },
    Variant("value.reflected", "the product of reflections acts on values as on keys (K = V)") {
      $0.reflectsValues = true
    },
  ]

  private static let inputs = [
    Variant("beta.half", "β = σ(x): the factor 2 is missing") { $0.β = .scaled(0.5) },
    Variant("beta.minusOne", "β = 2σ(x) − 1 instead of 2σ(x)") { $0.β = .lessOne },
    Variant("beta.one", "β = 1: projections, the delta rule without its step size") { $0.β = .one },
    Variant("beta.squared", "β on both sides of wᵀw") { $0.β = .squared },
    Variant(
      "beta.clipped(1.95)", "β clipped below 2, as the paper advises and flash-linear-attention does not",
      input: .clippedβ(1.95)),
    Variant("beta.shifted", "β of the token before") { $0.β = .previousToken },
    Variant("w.shifted", "w of the token before") { $0.w = .previousToken },
    Variant("v.shifted", "v of the token before") { $0.readsPreviousValue = true },
    Variant("w.unnormalised(1.1)", "w of length 1.1: the normalisation is missing or another") {
      $0.w = .scaled(1.1)
    },
    Variant(
      "w.epsilon", "w normalised once more, with ε = 10⁻³ under the root", input: .normalisedW(ε: 1e-3)),
  ]

  private static let transforms = [
    Variant("ut.noBeta", "M = I + stril(W Wᵀ): β is left out of M", blocks: 1) { $0.transform = .withoutβ },
    Variant("ut.betaSide", "T = diag(β) M⁻¹: β on the wrong side of the inverse", blocks: 1) {
      $0.transform = .βAfter
    },
    Variant("ut.sign", "(I − L)⁻¹ instead of (I + L)⁻¹", blocks: 1) { $0.transform = .flippedSign },
    Variant("ut.diagonalInside", "M = I + tril(diag(β) W Wᵀ), with the diagonal: β becomes β/(1 + β‖w‖²)") {
      $0.β = .damped
    },
    Variant("ut.transposed", "Tᵀ instead of T", blocks: 1) { $0.transform = .transposed },
    Variant(
      "ut.gated", "the forget gate acts on W Wᵀ in M, by exp(c_i − c_j), as in gated delta rules", blocks: 1
    ) { $0.decaysGram = true },
  ]

  private static let blocks = [
    Variant("block.transposedR", "X ← X Rᵀ, as the paper's wording has it", blocks: 3) { $0.carry = .transposed },
    Variant("block.noIdentity", "R = −Wᵀ U, without the identity", blocks: 3) { $0.transitionHasIdentity = false },
    Variant("block.noCarry", "queries are not carried over the blocks between", blocks: 3) { $0.carry = .none },
    Variant("block.carryBefore", "queries are carried over a block before its logits", blocks: 2) {
      $0.carry = .beforeLogits
    },
    Variant("block.leftToRight", "key blocks are scanned from the first on", blocks: 3) { $0.carry = .leftToRight },
    Variant("block.rawKeys", "keys are not carried to the end of their block", blocks: 2) { $0.carriesKeys = false },
    Variant("block.rawQueries", "queries are not carried to the start of their block", blocks: 2) {
      $0.queriesNotCarried = .all
    },
    Variant("block.noIntra", "the diagonal tile is plain Q Kᵀ", blocks: 1) { $0.diagonalNotCorrected = .all },
    Variant("window.local", "queries see only their own block", blocks: 2) { $0.mask = .ownBlock },
  ]

  private static let rows = [
    Variant("ragged.rawQueries", "queries of a last, shorter block are not carried to its start", blocks: 2) {
      $0.queriesNotCarried = .ragged
    },
    Variant("ragged.noIntra", "the diagonal tile of a last, shorter block is plain Q Kᵀ", blocks: 1) {
      $0.diagonalNotCorrected = .ragged
    },
    Variant("ragged.unwritten", "rows of o, lse and dq in a last, shorter block are never written", blocks: 1) {
      $0.unwrittenRows = .raggedBlock
    },
    Variant("short.noIntra", "a segment shorter than one block takes a path without reflections", blocks: 1) {
      $0.diagonalNotCorrected = .short
    },
    Variant("tail.diagonalDropped(16)", "the last 16 rows do not see themselves") { $0.mask = .lastRowsStrict(16) },
    Variant("tail.lastRowZero", "the last row of o, lse and dq is never written") { $0.unwrittenRows = .last },
  ]

  private static let softmax = [
    Variant("softmax.none", "o = S v: the linear, delta-rule form") { $0.weighting = .none },
    Variant("causal.strict", "the diagonal is masked") { $0.mask = .strict },
    Variant("causal.none", "nothing is masked") { $0.mask = .none },
    Variant("causal.zero", "masked logits of the diagonal tile are 0 instead of −∞", blocks: 1) {
      $0.mask = .zeroInBlock
    },
    Variant(
      "causal.zeroInSum", "masked logits of the diagonal tile enter the sum of the weights as 0 instead of −∞",
      blocks: 1
    ) { $0.mask = .zeroInSum },
    Variant("scale.none", "the logits are not scaled") { $0.scalings = 0 },
    Variant("scale.twice", "the logits are scaled twice") { $0.scalings = 2 },
    .scale(times: 3), .logits(times: 3),
    Variant("lse.base2", "the log-sum-exp in base 2") { $0.logSumExp = .baseTwo },
    Variant("lse.withoutMaximum", "the logarithm of the sum without the maximum that was taken out") {
      $0.logSumExp = .withoutMaximum
    },
    Variant("value.keyStride", "values are read with the stride of keys, when V ≠ K", input: .valuesWithKeyStride),
  ]

  private static let gates = [
    Variant("gate.unscaled", "c_i − c_j: the convention of the Forgetting Transformer") { $0.gate = .unscaled },
    Variant("gate.scaled", "scale · (c_i − c_j): the convention of flash-linear-attention") { $0.gate = .scaled },
    Variant("gate.closed", "c_i − c_{j−1}: the key's own gate acts too") { $0.gate = .closed },
    Variant("gate.sign", "c_j − c_i: old keys are preferred") { $0.gate = .flipped },
    Variant("gate.dropped", "no gate") { $0.gate = .dropped },
    Variant("gate.multiplicative", "exp(gate) multiplies the weights after the softmax") {
      $0.gate = .multiplicative
    },
    Variant("gate.rowConstant", "−c_j alone, which the softmax cannot see") { $0.gate = .columnsOnly },
    Variant("gate.summedByBlock", "the cumulative sum starts anew in every block", blocks: 2) {
      $0.gateRestartsInBlocks = true
    },
    Variant("gate.carried", "the cumulative sum runs on over segment boundaries, which no difference sees") {
      $0.gateRestarts = false
    },
  ]

  private static let packing = [
    Variant("heads.modulo", "query head h reads k, v, w and β of head h mod H instead of h / (HQ/H)") {
      $0.keysByModulo = true
      $0.wByModulo = true
      $0.βByModulo = true
    },
    Variant("heads.wModulo", "w is indexed by the query head, modulo H") { $0.wByModulo = true },
    Variant("heads.betaModulo", "β is indexed by the query head, modulo H") { $0.βByModulo = true },
    Variant("segment.ignored", "a packed sequence is taken as one: state runs on over the boundaries") {
      $0.segments = .ignored
    },
    Variant("block.packedAxis", "blocks are cut on the packed axis; a segment sees all of its first block", blocks: 1) {
      $0.segments = .sharedBlocks
    },
    Variant("block.packedMasked", "blocks are cut on the packed axis, with other segments masked", blocks: 1) {
      $0.segments = .maskedBlocks
    },
  ]
}
