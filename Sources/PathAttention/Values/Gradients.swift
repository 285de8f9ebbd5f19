import LinearAlgebra

/// The gradients of everything that the logits are made of, each in the shape of its input.
public struct LogitGradients<S: Scalar>: Sendable {
  /// [B, T, HQ, K].
  public let dq: TokenTensor<S>
  /// [B, T, H, K], summed over the query heads of each group.
  public let dk: TokenTensor<S>
  /// [B, T, H, K], summed over the query heads of each group.
  public let dw: TokenTensor<S>
  /// [B, T, H], summed over the query heads of each group.
  public let dbeta: TokenTensor<S>
  /// [B, T, HQ], if there is a gate.
  public let dg: TokenTensor<S>?

  /// Zeros, to be added to.
  init(_ inputs: AttentionInputs<S>) {
    dq = TokenTensor(.dq, inputs.shape)
    dk = TokenTensor(.dk, inputs.shape)
    dw = TokenTensor(.dw, inputs.shape)
    dbeta = TokenTensor(.dbeta, inputs.shape)
    dg = inputs.g.map { _ in TokenTensor(.dg, inputs.shape) }
  }

  /// The gradients that are present, by name.
  public var tensors: [(tensor: AttentionTensor, entries: TokenTensor<S>)] {
    [(.dq, dq), (.dk, dk), (.dw, dw), (.dbeta, dbeta)] + (dg.map { [(.dg, $0)] } ?? [])
  }
}

/// The gradients of PaTH attention, each in the shape of its input.
public struct AttentionGradients<S: Scalar>: Sendable {
  /// Those that come from the logits.
  let logit: LogitGradients<S>
  /// [B, T, HQ, K].
  public var dq: TokenTensor<S> { logit.dq }
  /// [B, T, H, K], summed over the query heads of each group.
  public var dk: TokenTensor<S> { logit.dk }
  /// [B, T, H, V], summed over the query heads of each group.
  public let dv: TokenTensor<S>
  /// [B, T, H, K], summed over the query heads of each group.
  public var dw: TokenTensor<S> { logit.dw }
  /// [B, T, H], summed over the query heads of each group.
  public var dbeta: TokenTensor<S> { logit.dbeta }
  /// [B, T, HQ], if there is a gate.
  public var dg: TokenTensor<S>? { logit.dg }

  /// Zeros, to be added to.
  init(_ inputs: AttentionInputs<S>) {
    logit = LogitGradients(inputs)
    dv = TokenTensor(.dv, inputs.shape)
  }

  /// The gradients that are present, by name.
  public var tensors: [(tensor: AttentionTensor, entries: TokenTensor<S>)] {
    [(.dq, dq), (.dk, dk), (.dv, dv), (.dw, dw), (.dbeta, dbeta)] + (dg.map { [(.dg, $0)] } ?? [])
  }
}
