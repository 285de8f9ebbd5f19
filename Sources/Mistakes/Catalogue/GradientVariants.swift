extension VariantCatalogue {
  /// Variants that are right forward and have a mistake in the gradient.
  package static let gradient: [Variant] = reflections + factors + carries + weights + gates + sums

  private static let reflections = [
    Variant("dw.queriesOnly", "dw through tril(Q Wᵀ) alone, the first of W's three places", blocks: 1) {
      $0.backward.missing = .w.subtracting(.wInX)
    },
    Variant("dw.keysOnly", "dw through stril(W Kᵀ) alone, the second of W's three places", blocks: 1) {
      $0.backward.missing = .w.subtracting(.wInY)
    },
    Variant("dw.inverseOnly", "dw through M alone, the third of W's three places", blocks: 1) {
      $0.backward.missing = .w.subtracting(.wInM)
    },
    Variant("dw.withoutQueries", "dw without dXᵀ Q", blocks: 1) { $0.backward.missing = .wInX },
    Variant("dw.withoutKeys", "dw without dY K", blocks: 1) { $0.backward.missing = .wInY },
    Variant("dw.withoutInverse", "dw without what goes through M", blocks: 1) { $0.backward.missing = .wInM },
    Variant("dw.withoutU", "dw without the W in U = T W", blocks: 2) { $0.backward.missing = .wInU },
    Variant("dw.withoutCarriedKeys", "dw without the W in K̂ = K − Zᵀ W", blocks: 2) {
      $0.backward.missing = .wInCarriedKeys
    },
    Variant("dw.withoutTransition", "dw without the W in R = I − Wᵀ U", blocks: 3) {
      $0.backward.missing = .wInTransition
    },
    Variant("dq.withoutProjection", "dq without dX W", blocks: 1) { $0.backward.missing = .queriesInX },
    Variant("dk.withoutProjection", "dk without dYᵀ W", blocks: 1) { $0.backward.missing = .keysInY },
  ]

  private static let factors = [
    Variant("dbeta.withoutInside", "dβ without the factor inside the inverse", blocks: 1) {
      $0.backward.missing = .βInM
    },
    Variant("dbeta.withoutOutside", "dβ without the factor outside the inverse", blocks: 1) {
      $0.backward.missing = .βOutside
    },
    Variant("inverse.missing", "the term −M⁻ᵀ dZ Zᵀ of the inverse is missing", blocks: 1) {
      $0.backward.missing = .inverse
    },
    Variant("inverse.notTransposed", "the adjoint solves with M instead of Mᵀ", blocks: 1) {
      $0.backward.adjointTransposes = false
    },
  ]

  private static let carries = [
    Variant("carry.withoutTransition", "no gradient reaches R", blocks: 3) { $0.backward.missing = .transition },
    Variant("carry.notPulledBack", "the gradient of carried queries stops at the block it arose in", blocks: 3) {
      $0.backward.missing = .carry
    },
    Variant(
      "carry.pulledBackByIdentity", "the gradient of carried queries passes the blocks between by I instead of Rᵀ",
      blocks: 3
    ) { $0.backward.transformsCarriedCotangent = false },
    Variant("carry.withoutU", "no gradient reaches U through queries carried to the start of their block", blocks: 2) {
      $0.backward.missing = .uInCarriedQueries
    },
    Variant("carry.withoutZ", "no gradient reaches Z through keys carried to the end of their block", blocks: 2) {
      $0.backward.missing = .zInCarriedKeys
    },
  ]

  private static let weights = [
    Variant("dsoftmax.withoutDelta", "dS = P ∘ dP: the normaliser's part −δ is missing") {
      $0.backward.missing = .normaliser
    },
    Variant("dsoftmax.withoutScale", "dq, dk, dw and dβ without the factor of the logits") {
      $0.backward.scalesLogitCotangent = false
    },
    Variant("dlse.ignored", "the cotangent of the log-sum-exp is not used") {
      $0.backward.usesLogSumExpCotangent = false
    },
    Variant("dv.unnormalised", "dv = exp(S − m)ᵀ do, without 1/l") { $0.backward.normalisesValueCotangent = false },
    Variant("dv.keyStride", "dv is written with the stride of keys, when V ≠ K", output: .valueGradientWithKeyStride),
    Variant(
      "gradient.rounded(bfloat16)", "gradients rounded to the activations' format",
      output: .roundedGradients(.bfloat16)),
  ]

  private static let gates = [
    Variant("dg.withoutScale", "dg without the scale that the gate is multiplied by") {
      $0.backward.scalesGateCotangent = false
    },
    Variant("dg.notSummed", "dg = dc, without the reverse cumulative sum") { $0.backward.gateSum = .none },
    Variant("dg.summedForward", "dg by a forward instead of a reverse cumulative sum") {
      $0.backward.gateSum = .forward
    },
    Variant("dg.exclusive", "dg by a reverse cumulative sum that leaves out the own token") {
      $0.backward.gateSum = .reverseExclusive
    },
    Variant("dg.columnsOnly", "dc from the columns of dS alone, right as long as nobody uses the log-sum-exp") {
      $0.backward.gateRowsReach = false
    },
    Variant("dg.notRestarted", "the reverse cumulative sum runs on over segment boundaries, where it is zero") {
      $0.backward.gateSumRestarts = false
    },
  ]

  private static let sums = [
    Variant("dk.notSummed", "dk of the last query head of the group, not the sum") { $0.backward.overwritten = .dk },
    Variant("dv.notSummed", "dv of the last query head of the group, not the sum") { $0.backward.overwritten = .dv },
    Variant("dw.notSummed", "dw of the last query head of the group, not the sum") { $0.backward.overwritten = .dw },
    Variant("dbeta.notSummed", "dβ of the last query head of the group, not the sum") {
      $0.backward.overwritten = .dbeta
    },
    Variant("dk.summedByModulo", "dk of head x summed over query heads h with h mod H = x, not h / (HQ/H) = x") {
      $0.backward.summedByModulo = .dk
    },
    Variant("dv.summedByModulo", "dv of head x summed over query heads h with h mod H = x, not h / (HQ/H) = x") {
      $0.backward.summedByModulo = .dv
    },
    Variant("dw.summedByModulo", "dw of head x summed over query heads h with h mod H = x, not h / (HQ/H) = x") {
      $0.backward.summedByModulo = .dw
    },
    Variant("dbeta.summedByModulo", "dβ of head x summed over query heads h with h mod H = x, not h / (HQ/H) = x") {
      $0.backward.summedByModulo = .dbeta
    },
  ]
}
