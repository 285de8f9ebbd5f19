import Checking
import Foundation
import Judging
import PathAttention
import Problems
import TensorFiles
import Testing

/// Judging some query rows only.
@Suite struct RowSampleTests {
  private static let problem = "B1 T400 HQ2 H1 K4 V3 beta=runs gate=scaled.strong seed=6"

  /// A submission of the library's own results in Double.
  private func write(
    _ change: (inout [AttentionTensor: [Double]]) -> Void = { _ in }, sparse tokens: [Int]? = nil
  ) throws -> String {
    let problem = try Problem(line: Self.problem)
    let inputs = try problem.inputs()
    var dO = problem.outputCotangent()
    if let tokens { dO = problem.shape.zeroed(dO, of: .do, outside: Set(tokens)) }
    var tensors = try Implementation(.sequentialProduct).evaluate(
      AttentionCase(inputs, gate: problem.convention, outputCotangent: dO))
    change(&tensors)
    for (tensor, entries) in inputs.tensors { tensors[tensor] = entries.entries }
    tensors[.do] = dO
    var file = TensorFileWriter(metadata: ["gate": "scaled"])
    for (tensor, entries) in tensors.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      try file.add(tensor.rawValue, shape: problem.shape.dimensions(of: tensor), entries, as: .float64)
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID().uuidString).safetensors").path
    try file.write(to: path)
    return path
  }

  private func check(_ path: String, rows: Int) throws -> CrossCheckReport {
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try crossCheck(CrossCheckRequest(inputs: path, rows: rows))
  }

  @Test("A sample has the ends of segments, both sides of edges of blocks, and as many rows as asked for")
  func sample() throws {
    let inputs = try Problem(line: "B1 T1000 HQ1 H1 K1 V1 cu=0,300,300,301,1000 seed=1").inputs()
    for count in [1, 8, 40, 200, 1000, 5000] {
      let tokens = RowSample(count, of: inputs).tokens
      #expect(tokens == tokens.sorted() && Set(tokens).count == tokens.count)
      #expect(tokens.count >= min(count, 1000) && tokens.count <= min(1000, count + 6 + 16 * (1 + count / 64)))
      #expect(tokens.allSatisfy { (0..<1000).contains($0) })
      #expect(Set(989..<1000).isSubset(of: tokens), "the last tile of the last segment, \(count)")
      #expect(Set([0, 299]).isSubset(of: tokens), "the ends of the first segment, \(count)")
      if count >= 8 {
        #expect(
          tokens.contains { token in
            inputs.segments.contains { segment in
              segment.contains(token) && token > segment.lowerBound && (token - segment.lowerBound) % 64 == 0
                && tokens.contains(token - 1) && tokens.contains(token + 1)
            }
          })
      }
    }
    #expect(RowSample(40, of: inputs).tokens != RowSample(40, of: inputs, seed: 2).tokens)
    let empty = try Problem(line: "B1 T0 HQ1 H1 K1 V1").inputs()
    #expect(RowSample(5, of: empty).tokens.isEmpty)
  }

  @Test("Honest results pass, with dq alone of the gradients when do is dense")
  func dense() throws {
    let report = try check(try write(), rows: 30)
    #expect(report.verdict == .pass)
    #expect(report.tensors.map(\.name) == ["o", "lse", "dq"])
    #expect(report.options.rows.map { $0 >= 30 && $0 <= 52 } ?? false)
    #expect(report.notes.contains { $0.contains("of the gradients only dq") })
  }

  @Test("With a cotangent in few rows every gradient is judged, and an error in any of them found")
  func sparse() throws {
    let tokens = [3, 128, 399]
    let report = try check(try write(sparse: tokens), rows: 30)
    #expect(report.verdict == .pass, "\(report)")
    #expect(report.tensors.map(\.name) == ["o", "lse", "dq", "dk", "dv", "dw", "dbeta", "dg"])
    for tensor in [AttentionTensor.dq, .dk, .dv, .dw, .dbeta, .dg] {
      let path = try write({ $0[tensor]![5] += 1e-3 }, sparse: tokens)
      let report = try check(path, rows: 30)
      #expect(report.tensors.filter { $0.verdict == .fail }.map(\.name) == [tensor.rawValue])
    }
  }

  @Test("Maps leave rows outside the sample open, and with few cotangents dq is judged in every row")
  func maps() throws {
    let inputs = try Problem(line: Self.problem).inputs()
    let sample = Set(RowSample(30, of: inputs).tokens)
    func maps(_ path: String) throws -> (report: CrossCheckReport, judged: [String: Set<Int>]) {
      defer { try? FileManager.default.removeItem(atPath: path) }
      let result = try detailedCrossCheck(CrossCheckRequest(inputs: path, rows: 30))
      let judged = result.maps.map { map in
        (map.name, Set(map.multiples.indices.filter { map.multiples[$0] != nil }.map { $0 / map.heads }))
      }
      return (result.report, Dictionary(uniqueKeysWithValues: judged))
    }
    let dense = try maps(try write()).judged
    #expect(dense == ["o": sample, "lse": sample, "dq": sample])
    let few = [3, 128, 399]
    let open = (0..<400).first { !sample.contains($0) && !few.contains($0) }!
    let (report, sparse) = try maps(try write({ $0[.dq]![open * 8] += 0.1 }, sparse: few))
    #expect(sparse["o"] == sample.union(few) && sparse["dq"] == Set(0..<400) && sparse["dw"] == Set(0..<400))
    let location = try #require(report.tensors.first { $0.name == "dq" }?.location)
    #expect(location.rowsOver == 1 && location.rows == 800 && location.worstRows[0].at.token == open)
    #expect(location.byHead == [1.0 / 400, 0] && location.bySegment == [1.0 / 800])
  }

  @Test("A wrong row is found if and only if it is in the sample")
  func wrongRow() throws {
    let inputs = try Problem(line: Self.problem).inputs()
    let sample = RowSample(30, of: inputs).tokens
    let others = (0..<400).filter { !sample.contains($0) }
    for (token, verdict) in [(sample[0], Verdict.fail), (sample.last!, .fail), (others[7], .pass)] {
      let report = try check(try write { $0[.o]![token * 6 + 2] += 0.01 }, rows: 30)
      #expect(report.verdict == verdict, "token \(token)")
    }
    let all = try check(try write { $0[.o]! = $0[.o]!.map { $0 + 0.01 } }, rows: 30)
    let location = try #require(all.tensors[0].location)
    #expect(location.rowsOver == 2 * sample.count && location.rows == location.rowsOver)
    #expect(location.pattern.first == "every row")
    let whole = try check(try write { $0[.o]![others[7] * 6 + 2] += 0.01 }, rows: 400)
    #expect(whole.verdict == .fail && whole.options.rows == nil)
  }
}
