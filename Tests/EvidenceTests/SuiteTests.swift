import Evidence
import Judging
import PathAttention
import Problems
import Testing

/// What the suite makes of checks that do not hold.
@Suite struct SuiteTests {
  private func check(
    _ name: String, inDouble: (@Sendable (Problem) throws -> Residual)? = nil,
    exactly: (@Sendable (Problem) throws -> Residual)? = nil
  ) -> SuiteCheck {
    SuiteCheck(family: .law, name: name, statement: "", inDouble: inDouble, exactly: exactly)
  }

  @Sendable private func residual(_ excess: Double) -> Residual {
    var residual = Residual()
    residual.note("it", difference: excess, bound: 1)
    return residual
  }

  @Test("A failure is shrunk and kept, the other arithmetic and the other checks go on")
  func failures() throws {
    let report = try runSuite(
      SuiteRequest(extent: .problems(50), certifies: false),
      [
        check("long", inDouble: { residual($0.shape.length >= 3 ? 2 : 0.25) }, exactly: { _ in residual(0) }),
        check("throws", exactly: { _ in throw AttentionError.size(name: "length", found: -1) }),
        check("holds", inDouble: { residual(Double($0.shape.length) / 100) }),
      ])
    #expect(!report.holds && report.problems == 50)
    let long = report.checks[0]
    let failure = try #require(long.double?.failure)
    #expect(failure.minimal.hasPrefix("B1 T3 HQ1 H1 K1 V1 block=1 levels=0 "), "\(failure.minimal)")
    #expect(failure.message == "it is off by 2.0, allowed 1.0")
    #expect(try Problem(line: failure.found).shape.length >= 3)
    #expect(long.double!.problems < 50 && long.double!.worst.value <= 0.25)
    #expect(!long.holds && long.exact?.failure == nil && long.exact?.problems == 50)
    #expect(report.checks[1].exact?.failure?.message.contains("length must be zero or more") ?? false)
    #expect(report.checks[1].double == nil)
    let worst = try #require(report.checks[2].double?.worst.value)
    #expect(report.checks[2].holds && worst > 0.15 && worst <= 0.24)
  }

  @Test("A check is made only where it applies, also while a failure is shrunk")
  func applicability() throws {
    let check = SuiteCheck(
      family: .law, name: "grouped", statement: "", applies: { $0.shape.groupSize > 1 },
      inDouble: { residual($0.shape.groupSize > 1 ? 2 : .nan) })
    let report = try runSuite(SuiteRequest(extent: .problems(50), certifies: false), [check])
    let failure = try #require(report.checks[0].double?.failure)
    #expect(try Problem(line: failure.minimal).shape.groupSize == 2)
  }

  @Test("Progress rises from 0 to 1 at most")
  func progress() throws {
    let seen = Seen()
    _ = try runSuite(
      SuiteRequest(extent: .problems(4), certifies: false, onProgress: { seen.fractions.append($0) }),
      Array(SuiteCheck.all[..<4]))
    #expect(
      seen.fractions.first == 0 && seen.fractions == seen.fractions.sorted() && seen.fractions.allSatisfy { $0 <= 1 })
    #expect(seen.fractions.count > 4)
  }

  private final class Seen: @unchecked Sendable {
    var fractions: [Double] = []
  }

  @Test("Everything worse than its bound, unequal where equality is due, or not a number is a violation")
  func residuals() {
    var residual = Residual()
    residual.note("a", difference: 0, bound: 0)
    residual.note("b", difference: 3, bound: 4)
    #expect(residual.excess == 0.75 && residual.violation == nil)
    residual.note("c", difference: 1e-300, bound: 0)
    #expect(residual.excess == .infinity && residual.violation == "c is not equal, off by 1e-300")
    var nan = Residual()
    nan.note("d", difference: .nan, bound: 1)
    #expect(nan.violation != nil)
    var outer = Residual()
    outer.note(nan, of: "form")
    #expect(outer.violation == "form: d is off by nan, allowed 1.0")
  }
}
