import Dispatch
import Foundation
import LinearAlgebra
import PathAttention

/// Times the forms.
///
/// Every number is a ratio waiting to happen: absolute times mean little beyond one machine and one run, so the rate of
/// plain matrix products of the same element type is measured in the same run and given beside them.
///
/// - Parameters:
///   - request: What is to be timed.
///   - onResult: Called after each combination.
/// - Throws: `AttentionError` when a size or an option makes no sense.
public func benchmark(
  _ request: BenchmarkRequest, onResult: (BenchmarkReport.Result) -> Void = { _ in }
) throws(AttentionError) -> BenchmarkReport {
  var report = BenchmarkReport(results: [], gemmRates: [:])
  for type in request.elementTypes {
    switch type {
    case .f32: try Benchmark<Float>(type, request).run(&report, onResult)
    case .f64: try Benchmark<Double>(type, request).run(&report, onResult)
    }
  }
  return report
}

private struct Benchmark<S: RealScalar> {
  let type: BenchmarkElementType
  let request: BenchmarkRequest

  init(_ type: BenchmarkElementType, _ request: BenchmarkRequest) {
    self.type = type
    self.request = request
  }

  func run(
    _ report: inout BenchmarkReport, _ onResult: (BenchmarkReport.Result) -> Void
  ) throws(AttentionError) {
    let rate = gemmRate()
    report.gemmRates[type.rawValue] = rate
    for form in request.forms {
      for pass in request.passes {
        var shorter: BenchmarkReport.Result?
        for length in request.lengths.sorted() {
          var result = try measure(form, pass, length: length, rate: rate)
          if let shorter, shorter.length < length {
            result.growthExponent =
              log(result.medianSeconds / shorter.medianSeconds) / log(Double(length) / Double(shorter.length))
          }
          shorter = result
          report.results.append(result)
          onResult(result)
        }
      }
    }
  }

  private func measure(
    _ form: AttentionForm, _ pass: BenchmarkPass, length: Int, rate: Double
  ) throws(AttentionError) -> BenchmarkReport.Result {
    let shape = AttentionShape(
      length: length, queryHeads: request.queryHeads, heads: request.heads, keyDim: request.headDim,
      valueDim: request.headDim)
    let (inputs, cotangent) = try problem(shape)
    let options = AttentionOptions(form: form, threads: request.threads)
    PeakMemory.reset()
    var seconds: [Double] = []
    for repetition in 0...request.repeats {
      let start = ContinuousClock.now
      let outputs = try attention(inputs, options)
      if pass == .forwardBackward {
        _ = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: cotangent, options)
      }
      let elapsed = ContinuousClock.now - start
      // The first run warms caches and allocators.
      if repetition > 0 || request.repeats == 0 { seconds.append(elapsed / .seconds(1)) }
    }
    let median = seconds.sorted()[seconds.count / 2]
    let pairs = Double(length) * Double(length) / 2 * Double(request.queryHeads)
    let achieved = pairs * pass.operations(headDim: request.headDim) / median
    return BenchmarkReport.Result(
      form: form.description, pass: pass, dtype: type, length: length, queryHeads: request.queryHeads,
      heads: request.heads, headDim: request.headDim, threads: request.threads, medianSeconds: median,
      peakBytes: PeakMemory.bytes, gflops: achieved / 1e9, gemmFraction: achieved / rate)
  }

  /// Queries and keys of ordinary size, unit w, β in (0, 2).
  private func problem(_ shape: AttentionShape) throws(AttentionError) -> (AttentionInputs<S>, cotangent: [S]) {
    var random = SeededGenerator(seed: request.seed)
    func numbers(_ tensor: AttentionTensor, _ range: ClosedRange<Double>) -> [S] {
      (0..<shape.dimensions(of: tensor).reduce(1, *)).map { _ in S(Double.random(in: range, using: &random)) }
    }
    // A uniform entry in ±√(3/d) makes a vector of expected square 1.
    let unit = (3 / Double(shape.keyDim)).squareRoot()
    let inputs = try AttentionInputs(
      shape: shape, q: numbers(.q, -2...2), k: numbers(.k, -2...2), v: numbers(.v, -1...1),
      w: numbers(.w, -unit...unit), beta: numbers(.beta, 0...2), g: request.gated ? numbers(.g, -0.1...0) : nil)
    return (inputs, numbers(.do, -1...1))
  }

  /// Operations per second of products of n × n matrices, one on each thread at a time: the best of several trials.
  private func gemmRate() -> Double {
    let n = 768
    let operands = (0..<request.threads).map { _ in
      (0..<3).map { _ in Matrix<S>(rows: n, columns: n, entries: (0..<n * n).map { S($0 % 7) }) }
    }
    let best = (0..<8).map { _ in
      let start = ContinuousClock.now
      DispatchQueue.concurrentPerform(iterations: request.threads) { thread in
        let matrices = operands[thread]
        for _ in 0..<4 { multiply(matrices[0], matrices[1], into: matrices[2]) }
      }
      return (ContinuousClock.now - start) / .seconds(1)
    }.min()!
    return 4 * 2 * Double(n * n * n) * Double(request.threads) / best
  }
}
