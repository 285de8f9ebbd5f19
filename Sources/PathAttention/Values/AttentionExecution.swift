/// How attention is computed. Results do not depend on it, but for rounding.
public struct AttentionExecution: Sendable {
  /// Which of the three forms computes the logits.
  public var form: AttentionForm
  /// How many threads to use; as many as there are cores when nil. Results do not depend on it.
  public var threads: Int?
  /// Called from any thread with the fraction of the work done, rising from 0 to 1 in each pass.
  public var onProgress: (@Sendable (Double) -> Void)?

  /// An execution, each part with its usual value.
  public init(
    form: AttentionForm = .blockwise(), threads: Int? = nil, onProgress: (@Sendable (Double) -> Void)? = nil
  ) {
    self.form = form
    self.threads = threads
    self.onProgress = onProgress
  }

  func validate() throws(AttentionError) {
    try form.validate()
    if let threads, threads < 1 { throw .option(name: "threads", expected: "at least 1", found: "\(threads)") }
  }
}
