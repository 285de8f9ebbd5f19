import Evidence
import Foundation
import PathAttention

extension GeneratedText {
  /// What `pathcheck bench` measured for the page on time. Measurements cannot be made again digit for digit, so they are kept,
  /// as the JSON that it wrote; everything that the page says of them comes from there.
  static let timings: [String: @Sendable () throws -> String] = [
    "times over length": timesOverLength, "growth of time": growthOfTime, "memory over length": memoryOverLength,
    "times of other forms": timesOfOtherForms, "times of long sequences": timesOfLongSequences,
    "gain of a second thread": gainOfSecondThread,
  ]

  private static let passes: [(pass: BenchmarkPass, dtype: BenchmarkElementType)] =
    [(.forward, .f32), (.forwardBackward, .f32), (.forward, .f64), (.forwardBackward, .f64)]

  private static func name(_ column: (pass: BenchmarkPass, dtype: BenchmarkElementType)) -> String {
    "\(column.pass == .forward ? "forward" : "with backward") \(column.dtype.rawValue)"
  }

  @Sendable private static func timesOverLength() throws -> String {
    let report = try Timings()
    var rows = [
      "| T | \(passes.map { "\(name($0)) | " }.joined(separator: "| "))|",
      "|---" + String(repeating: "|---", count: 8) + "|",
    ]
    for length in report.lengths {
      let cells = try passes.map { column in
        let result = try report.result(column.pass, column.dtype, length)
        return "\(time(result.medianSeconds)) | \(decimal(100 * result.gemmFraction, 0)) %"
      }
      rows.append("| \(grouped(length)) | \(cells.joined(separator: " | ")) |")
    }
    return rows.joined(separator: "\n")
  }

  @Sendable private static func growthOfTime() throws -> String {
    let report = try Timings()
    let last = report.lengths.last!
    var rows = [
      "| between T = | \(passes.map(name).joined(separator: " | ")) |",
      "|---" + String(repeating: "|---", count: 4) + "|",
    ]
    for first in [report.lengths[0], report.lengths[2], last / 2] {
      let exponents = try passes.map { column in
        let (short, long) = try (
          report.result(column.pass, column.dtype, first), report.result(column.pass, column.dtype, last)
        )
        return "T^" + decimal(log(long.medianSeconds / short.medianSeconds) / log(Double(last) / Double(first)), 2)
      }
      rows.append("| \(grouped(first)) and \(grouped(last)) | \(exponents.joined(separator: " | ")) |")
    }
    return rows.joined(separator: "\n")
  }

  @Sendable private static func memoryOverLength() throws -> String {
    let report = try Timings()
    let rows = try [BenchmarkPass.forward, .forwardBackward].map { pass in
      let cells = try report.lengths.map { length in
        decimal(Double(try report.result(pass, .f32, length).peakBytes) / 1_048_576, 0)
      }
      return "| \(pass == .forward ? "forward" : "with backward") | \(cells.joined(separator: " | ")) |"
    }
    return
      (["| T | \(report.lengths.map(grouped).joined(separator: " | ")) |"]
      + ["|---" + String(repeating: "|---", count: report.lengths.count) + "|"] + rows).joined(separator: "\n")
  }

  @Sendable private static func timesOfOtherForms() throws -> String {
    let report = try Timings()
    return try [("sequential product", "sequential"), ("compact WY", "wy"), ("blockwise", "blockwise")]
      .map { name, form in
        let results = try [BenchmarkPass.forward, .forwardBackward].map {
          try report.result($0, .f64, 4096, form: form)
        }
        return "\(name) \(time(results[0].medianSeconds)) forward and \(time(results[1].medianSeconds)) with backward"
      }.joined(separator: ", ")
  }

  @Sendable private static func timesOfLongSequences() throws -> String {
    let report = try Timings()
    return try [(BenchmarkPass.forwardBackward, 65536), (.forward, 131072)].map { pass, length in
      let result = try report.result(pass, .f32, length, queryHeads: 1)
      return "T = \(grouped(length)) \(pass == .forward ? "forward" : "forward and backward") "
        + "\(time(result.medianSeconds)), \(decimal(Double(result.peakBytes) / 1_048_576, 0)) MiB, "
        + "\(decimal(100 * result.gemmFraction, 0)) % of the product rate"
    }.joined(separator: "; ")
  }

  @Sendable private static func gainOfSecondThread() throws -> String {
    let report = try Timings()
    return try passes.map { column in
      let (one, two) = try (
        report.result(column.pass, column.dtype, 4096, threads: 1), report.result(column.pass, column.dtype, 4096)
      )
      return "\(decimal(one.medianSeconds / two.medianSeconds, 2)) (\(name(column)))"
    }.joined(separator: ", ")
  }

  private static func time(_ seconds: Double) -> String {
    if seconds >= 1 { return "\(decimal(seconds, seconds < 10 ? 2 : 1)) s" }
    return "\(decimal(1000 * seconds, seconds < 0.01 ? 1 : 0)) ms"
  }

  private static func grouped(_ n: Int) -> String {
    n < 1000 ? String(n) : "\(grouped(n / 1000)),\(String(1000 + n % 1000).dropFirst())"
  }
}

/// The kept measurements.
struct Timings {
  let report: BenchmarkReport

  init() throws {
    let url = Page.repository.appending(path: "Docs/Figures/performance.json")
    report = try JSONDecoder().decode(BenchmarkReport.self, from: Data(contentsOf: url))
  }

  /// Those of the blockwise form over length, which the charts show.
  var overLength: BenchmarkReport {
    var chosen = report
    chosen.results = report.results.filter { $0.form == "blockwise" && $0.queryHeads == 4 && $0.threads == 2 }
    return chosen
  }

  var lengths: [Int] { Set(overLength.results.map(\.length)).sorted() }

  func result(
    _ pass: BenchmarkPass, _ dtype: BenchmarkElementType, _ length: Int, form: String = "blockwise",
    queryHeads: Int = 4,
    threads: Int = 2
  ) throws -> BenchmarkReport.Result {
    guard
      let result = report.results.first(where: {
        ($0.pass, $0.dtype, $0.length) == (pass, dtype, length) && $0.form == form && $0.queryHeads == queryHeads
          && $0.threads == threads
      })
    else { throw Missing(description: "\(form) \(pass) \(dtype) \(length), \(queryHeads) heads, \(threads) threads") }
    return result
  }

  struct Missing: Error, CustomStringConvertible {
    let description: String
  }
}
