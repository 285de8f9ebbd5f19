/// PaTH attention over whole prompts, and the cache with which it goes on.
///
/// - Parameters:
///   - inputs: The tokens of every sequence: a batch, or packed sequences of different lengths.
///   - function: Scale and gate convention, which the cache keeps; the usual one when nil.
///   - execution: Form, threads. The form computes the logits and carries the keys.
///   - roundStored: What storing a number in the cache makes of it; nil if it is kept as it is.
/// - Returns: What `attention` returns, and a cache that holds each key carried to the last token of its sequence.
/// - Throws: `AttentionError` when an input is not finite or an option makes no sense.
/// - Complexity: That of the form, for each query head and segment.
@specialized(where S == Double)
@specialized(where S == Float)
public func prefill<S: RealScalar>(
  _ inputs: AttentionInputs<S>, _ function: AttentionFunction<S>? = nil, _ execution: AttentionExecution = .init(),
  roundStored: (@Sendable (S) -> S)? = nil
) throws(AttentionError) -> (outputs: AttentionOutputs<S>, cache: KeyCache<S>) {
  let outputs = try attention(inputs, function ?? inputs.function(), execution)
  var cache = try KeyCache(
    sequences: inputs.segments.count, layout: inputs.headLayout, outputs.function, roundStored: roundStored)
  try cache.append(inputs, form: execution.form)
  return (outputs, cache)
}

extension KeyCache where S: SoftmaxScalar {
  /// Decodes: takes new tokens of every sequence in, and lets their queries attend to all keys of their sequence up to
  /// their own.
  ///
  /// One token of each of N sequences is a batch of N sequences of length 1. Chunks of a long prompt, and packed sequences
  /// that go on by different numbers of tokens (none included), are the same call.
  ///
  /// - Parameters:
  ///   - inputs: The new tokens; segment s goes to sequence s.
  ///   - form: Whether tokens are taken in one by one (sequential product), all at once (compact WY) or block by block.
  ///   - threads: How many threads to use; as many as there are cores when nil. Results do not depend on it.
  /// - Returns: o and the log-sum-exp for the new tokens.
  /// - Throws: `AttentionError` when the inputs do not fit the cache, an input is not finite or the form makes no sense;
  ///   then the cache is as it was.
  /// - Complexity: O((n + m) m d) for m tokens after n, per sequence and query head; memory for the logits of the tokens
  ///   that are taken in at a time.
  @specialized(where S == Double)
  @specialized(where S == Float)
  public mutating func attend(
    to inputs: AttentionInputs<S>, form: AttentionForm = .sequentialProduct, threads: Int? = nil
  ) throws(AttentionError) -> CachedAttentionOutputs<S> {
    try validateProblem(inputs, function, AttentionExecution(form: form, threads: threads))
    let outputs = CachedAttentionOutputs<S>(
      o: TokenTensor(.o, inputs.shape), lse: TokenTensor(.lse, inputs.shape))
    try extend(inputs, form: form, CachedSoftmax(outputs: outputs), threads: threads)
    return outputs
  }
}
