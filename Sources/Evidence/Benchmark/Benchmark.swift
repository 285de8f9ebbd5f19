import Dispatch
import Foundation
import LinearAlgebra
import PathAttention
import Problems

/// Times the forms.
///
/// Every number is a ratio waiting to happen: absolute times mean little beyond one machine and one run, so the rate of
/// plain matrix products of the same element type is measured in the same run, by turns with what is timed, and given
/// beside them.
///
/// - Parameters:
///   - request: What is to be timed.
///   - onResult: Called after each combination.
/// - Throws: `AttentionError` when a size or an option makes no sense.
public func benchmark(
  _ request: BenchmarkRequest, onResult: (BenchmarkReport.Result) -> Void = { _ in }
) throws(AttentionError) -> BenchmarkReport {
  var report = BenchmarkReport(results: [])
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
    let products = MatrixProducts<S>(threads: request.threads)
    for form in request.forms {
      for pass in request.passes {
        var shorter: BenchmarkReport.Result?
        for length in request.lengths.sorted() {
          var result = try measure(form, pass, length: length, products)
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
    _ form: AttentionForm, _ pass: BenchmarkPass, length: Int, _ products: MatrixProducts<S>
  ) throws(AttentionError) -> BenchmarkReport.Result {
    let shape = AttentionShape(
      length: length, queryHeads: request.queryHeads, heads: request.heads, keyDim: request.headDim,
      valueDim: request.headDim)
    let (inputs, cotangent) = try problem(shape)
    let execution = AttentionExecution(form: form, threads: request.threads)
    PeakMemory.reset()
    var seconds: [Double] = []
    var productSeconds: [Double] = []
    // The first run warms caches and allocators.
    for repetition in 0...request.repeats {
      let elapsed = try time { () throws(AttentionError) in
        let outputs = try attention(inputs, execution)
        if pass == .forwardBackward {
          _ = try attentionGradients(of: inputs, outputs: outputs, outputCotangent: cotangent, execution)
        }
      }
      let product = time { products.run() }
      if repetition > 0 {
        seconds.append(elapsed)
        productSeconds.append(product)
      }
    }
    let pairs = Double(length) * Double(length) / 2 * Double(request.queryHeads)
    let achieved = pairs * pass.operations(headDim: request.headDim) / median(seconds)
    let rate = products.operations / median(productSeconds)
    return BenchmarkReport.Result(
      form: form, pass: pass, dtype: type, length: length, queryHeads: request.queryHeads, heads: request.heads,
      headDim: request.headDim, threads: request.threads, medianSeconds: median(seconds),
      peakBytes: PeakMemory.bytes, gflops: achieved / 1e9, gemmGflops: rate / 1e9, gemmFraction: achieved / rate)
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
}

/// Products of square matrices, one on each thread at a time: what attention is compared with.
private struct MatrixProducts<S: RealScalar> {
  private let operands: [[Matrix<S>]]
  private let size = 512
  private let repetitions = 4

  init(threads: Int) {
    let size = size
    operands = (0..<threads).map { _ in
      (0..<3).map { _ in Matrix<S>(rows: size, columns: size, entries: (0..<size * size).map { S($0 % 7) }) }
    }
  }

  /// Floating-point operations of one run.
  var operations: Double { Double(repetitions * 2 * operands.count) * Double(size * size * size) }

  func run() {
    DispatchQueue.concurrentPerform(iterations: operands.count) { thread in
      let matrices = operands[thread]
      for _ in 0..<repetitions { multiply(matrices[0], matrices[1], into: matrices[2]) }
    }
  }
}

private func time<Failure>(_ work: () throws(Failure) -> Void) throws(Failure) -> Double {
  let start = ContinuousClock.now
  try work()
  return (ContinuousClock.now - start) / .seconds(1)
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
