import PathAttention

// Laws about what is linear: outputs in the values, gradients in the cotangents.

/// o = P v, where P does not depend on v.
struct LinearInValues: LawBody {
  package let name = "linear in v"
  package let statement = "o of v + v′ is o of v plus o of v′, and the log-sum-exp does not depend on v"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let first = trial.original.forwardOnly
    var (second, sum) = (first, first)
    second[.v] = first[.v].map { _ in Subject.Number.random(using: &trial.random) }
    sum[.v] = first[.v].plus(second[.v])
    let cases = [first, second, sum]
    let found = try cases.map(trial.subject.tensors)
    let bounds = try cases.map(trial.subject.bounds)
    trial.expect(
      "o", found[2][.o]!, equals: found[0][.o]!.plus(found[1][.o]!),
      within: bounds.reduce(0) { $0 + ($1[.o] ?? 0) })
    trial.expect("lse", found[2][.lse]!, equals: found[0][.lse]!, within: 2 * (bounds[0][.lse] ?? 0))
  }
}

/// The weights of a row sum to one, so equal values come out as they went in, and no logit matters.
struct ConstantValues: LawBody {
  package let name = "constant v"
  package let statement = "if v is the same at all tokens, o is v, and q, k, w, β and g have no gradient from o"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let shape = trial.original.shape
    let (lanes, group) = (shape.valueDim, shape.groupSize)
    var constant = trial.original
    let values = constant[.v].prefix(shape.heads * lanes)
    constant[.v] = constant[.v].indices.map { values[$0 % values.count] }
    constant[.dlse] = constant[.dlse].map { _ in .zero }
    let found = try trial.subject.tensors(constant)
    let bounds = try trial.subject.bounds(constant)
    let expected = found[.o]!.indices.map { index in
      values[index / lanes % shape.queryHeads / group * lanes + index % lanes]
    }
    trial.expect("o", found[.o]!, equals: expected, within: bounds[.o] ?? 0)
    for tensor in constant.gradients where tensor != .dv {
      let gradient = found[tensor]!
      trial.expect(tensor.rawValue, gradient, equals: gradient.map { _ in .zero }, within: bounds[tensor] ?? 0)
    }
  }
}

/// A backward pass applies the transpose of a matrix, whatever the cotangents are.
struct LinearInCotangents: LawBody {
  package let name = "linear in do"
  package let statement = "gradients for cotangents do + do′, dlse + dlse′ are the sums of the gradients for each"

  package func check<Subject: LawSubject>(_ trial: inout LawTrial<Subject>) throws {
    let first = trial.original
    var (second, sum) = (first, first)
    for tensor in [AttentionTensor.do, .dlse] {
      second[tensor] = first[tensor].map { _ in Subject.Number.random(using: &trial.random) }
      sum[tensor] = first[tensor].plus(second[tensor])
    }
    let cases = [first, second, sum]
    let found = try cases.map(trial.subject.tensors)
    let bounds = try cases.map(trial.subject.bounds)
    for tensor in sum.gradients {
      trial.expect(
        tensor.rawValue, found[2][tensor]!, equals: found[0][tensor]!.plus(found[1][tensor]!),
        within: bounds.reduce(0) { $0 + ($1[tensor] ?? 0) })
    }
  }
}
