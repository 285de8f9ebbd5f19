import Judging
import PathAttention
import Problems

/// One law turned on one subject for one problem: what the law works with, and the worst it has found.
struct LawTrial<Subject: LawSubject> {
  package typealias Number = Subject.Number

  package let subject: Subject
  /// The problem as it is.
  package let original: LawCase<Number>
  /// For whatever a law draws.
  package var random: SeededGenerator
  private(set) var residual = Residual()

  init(_ subject: Subject, _ problem: Problem, random: SeededGenerator) throws {
    self.subject = subject
    self.random = random
    original = try subject.lawCase(problem)
  }

  /// Lays a tensor before the trial.
  ///
  /// - Parameter bound: How far an entry may be off; zero for equality.
  package mutating func expect(
    _ what: String, _ found: [Number], equals expected: [Number], within bound: Double
  ) {
    precondition(found.count == expected.count, "a law compares tensors of different sizes")
    for (x, y) in zip(found, expected) { residual.note(what, difference: Number.distance(x, y), bound: bound) }
  }

  /// Lays before the trial that two cases have equal results, each seen in its own way.
  ///
  /// In `Double` both are evaluations of one mathematical problem, so they may be apart by the bounds of both, times a
  /// slack for whatever the change of the inputs itself has rounded; with slack 0 they are equal bit for bit.
  ///
  /// - Parameters:
  ///   - first, second: How to look at the results of each case.
  package mutating func compare(
    _ firstCase: LawCase<Number>, _ secondCase: LawCase<Number>, slack: Double,
    first: (AttentionTensor, [Number]) -> [Number] = { $1 },
    second: (AttentionTensor, [Number]) -> [Number] = { $1 }
  ) throws {
    let (a, b) = (try subject.tensors(firstCase), try subject.tensors(secondCase))
    let bounds = try [firstCase, secondCase].map(subject.bounds)
    for tensor in firstCase.results {
      let (x, y) = (first(tensor, a[tensor]!), second(tensor, b[tensor]!))
      let bound = slack == 0 ? 0 : slack * bounds.reduce(0) { $0 + ($1[tensor] ?? 0) }
      expect(tensor.rawValue, y, equals: x, within: bound)
    }
  }
}
