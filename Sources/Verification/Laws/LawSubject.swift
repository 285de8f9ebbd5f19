import LinearAlgebra
import PathAttention

/// What a law is turned on.
protocol LawSubject: Sendable {
  associatedtype Number: LawScalar

  /// The numbers of a problem.
  func lawCase(_ problem: Problem) throws -> LawCase<Number>

  /// o, lse and, if there are cotangents, the gradients.
  func tensors(_ lawCase: LawCase<Number>) throws -> [AttentionTensor: [Number]]

  /// How far two evaluations may be apart by rounding.
  func bounds(_ lawCase: LawCase<Number>) throws -> [AttentionTensor: Double]
}

/// An implementation, in `Double`.
struct ImplementationSubject: LawSubject {
  let implementation: Implementation

  func lawCase(_ problem: Problem) throws -> LawCase<Double> {
    LawCase(
      try problem.inputs(), scale: 1 / Double(problem.shape.keyDim).squareRoot(), gate: problem.convention,
      outputCotangent: problem.outputCotangent(), lseCotangent: problem.lseCotangent())
  }

  func tensors(_ lawCase: LawCase<Double>) throws -> [AttentionTensor: [Double]] {
    let found = try implementation.evaluate(
      AttentionCase(
        try lawCase.inputs(), scale: lawCase.scale, gate: lawCase.gate, outputCotangent: lawCase.tensors[.do],
        lseCotangent: lawCase.tensors[.lse]))
    for tensor in lawCase.results {
      let expected = lawCase.shape.count(of: tensor)
      guard found[tensor]?.count == expected else {
        throw AttentionError.count(
          tensor: tensor.rawValue, expected: expected, found: found[tensor]?.count ?? 0)
      }
    }
    return found.filter { lawCase.results.contains($0.key) }
  }

  func bounds(_ lawCase: LawCase<Double>) throws -> [AttentionTensor: Double] {
    ErrorBound(
      try lawCase.inputs(), scale: lawCase.scale, gate: lawCase.gate,
      outputCotangent: lawCase.tensors[.do] ?? [], lseCotangent: lawCase.tensors[.lse] ?? []
    ).entries
  }
}

/// A form of this library over the prime field, with the logits in place of their softmax: o_i = Σ_j S_ij v_j, and
/// Σ_j S_ij as lse.
///
/// Everything is then polynomial in the inputs, and all of the logits show in o: if two tables of logits differ, their o agree
/// at random values v with a probability below 2⁻⁶⁰ each.
struct FieldSubject: LawSubject {
  let form: AttentionForm

  func lawCase(_ problem: Problem) throws -> LawCase<PrimeField> {
    LawCase(
      try problem.exactInputs(), scale: problem.exactScale(), gate: problem.convention,
      outputCotangent: problem.fieldElements(.do), lseCotangent: problem.fieldElements(.lse))
  }

  func bounds(_ lawCase: LawCase<PrimeField>) -> [AttentionTensor: Double] { [:] }

  func tensors(_ lawCase: LawCase<PrimeField>) throws -> [AttentionTensor: [PrimeField]] {
    let inputs = try lawCase.inputs()
    let table = try logits(inputs, scale: lawCase.scale, gate: lawCase.gate, form: form)
    let (o, lse) = lawCase.attend { segment, queryHead, i in
      Array(table[segment, queryHead].view.row(i)[...i])
    }
    var tensors: [AttentionTensor: [PrimeField]] = [.o: o, .lse: lse]
    guard let dO = lawCase.tensors[.do], let dlse = lawCase.tensors[.lse] else { return tensors }

    let shape = lawCase.shape
    let (V, HQ, H) = (shape.valueDim, shape.queryHeads, shape.heads)
    let v = lawCase[.v]
    let cotangent = LogitTable(inputs)
    var dv = [PrimeField](repeating: .zero, count: v.count)
    for (index, segment) in lawCase.segments.enumerated() {
      for queryHead in 0..<HQ {
        let (S, C) = (table[index, queryHead], cotangent[index, queryHead].mutableView)
        for i in 0..<segment.count {
          let row = (segment.lowerBound + i) * HQ + queryHead
          for j in 0...i {
            let value = ((segment.lowerBound + j) * H + queryHead / shape.groupSize) * V
            C[i, j] = dlse[row]
            for lane in 0..<V {
              C[i, j] += dO[row * V + lane] * v[value + lane]
              dv[value + lane] += S[i, j] * dO[row * V + lane]
            }
          }
        }
      }
    }
    let gradients = try logitGradients(
      of: inputs, cotangent: cotangent, scale: lawCase.scale, gate: lawCase.gate, form: form)
    tensors[.dv] = dv
    for (tensor, gradient) in [
      (AttentionTensor.dq, gradients.dq), (.dk, gradients.dk), (.dw, gradients.dw), (.dbeta, gradients.dbeta),
    ] + (gradients.dg.map { [(.dg, $0)] } ?? []) {
      tensors[tensor] = gradient.entries
    }
    return tensors
  }
}
