import Checking
import Foundation
import PathAttention
import Problems
import TensorFiles
import TestFiles
import Testing

/// Files in other orders of axes, and what is said of them.
@Suite struct LayoutSearchTests {
  /// The library's own outputs, with some tensors stored as [batch, head, token, lane].
  private func report(
    _ line: String = "B1 T9 HQ4 H2 K3 V5 seed=3", transposed: Set<AttentionTensor>, layout: TensorLayout = .bthd,
    layouts: [AttentionTensor: TensorLayout] = [:]
  ) throws -> CrossCheckReport {
    let problem = try Problem(line: line)
    let inputs = try problem.inputs()
    let dO = problem.outputCotangent()
    var tensors = try Implementation(.sequentialProduct).evaluate(AttentionCase(inputs, outputCotangent: dO))
    for (tensor, entries) in inputs.tensors { tensors[tensor] = entries.entries }
    tensors[.do] = dO
    return try TestFiles.withTemporary { path in
      var file = TensorFileWriter()
      for (tensor, entries) in tensors {
        let shape = problem.shape.dimensions(of: tensor)
        guard transposed.contains(tensor) else {
          try file.add(tensor.rawValue, shape: shape, entries, as: .float64)
          continue
        }
        let lanes = shape.count > 3 ? shape[3] : 1
        let reordered = (0..<shape[0]).flatMap { b in
          (0..<shape[2]).flatMap { h in
            (0..<shape[1]).flatMap { t -> ArraySlice<Double> in
              let start = ((b * shape[1] + t) * shape[2] + h) * lanes
              return entries[start..<start + lanes]
            }
          }
        }
        try file.add(
          tensor.rawValue, shape: [shape[0], shape[2], shape[1]] + shape.dropFirst(3), reordered, as: .float64)
      }
      try file.write(to: path)
      return try crossCheck(
        CrossCheckRequest(inputs: path, layout: layout, layouts: layouts, studiesVariants: false))
    }
  }

  private func message(
    transposed: Set<AttentionTensor>, layout: TensorLayout = .bthd, layouts: [AttentionTensor: TensorLayout] = [:]
  ) throws -> String? {
    do {
      _ = try report(transposed: transposed, layout: layout, layouts: layouts)
      return nil
    } catch let error as CrossCheckError {
      return "\(error)"
    }
  }

  @Test("The order with which all shapes fit is named, and with it everything passes")
  func suggestions() throws {
    let all = Set(AttentionTensor.allCases)
    let cases: [(Set<AttentionTensor>, String, TensorLayout, [AttentionTensor: TensorLayout])] = [
      ([.lse], "--layout lse=bhtd", .bthd, [.lse: .bhtd]),
      ([.lse, .dq], "--layout lse=bhtd,dq=bhtd", .bthd, [.lse: .bhtd, .dq: .bhtd]),
      (all, "--layout bhtd", .bhtd, [:]),
      (all.subtracting([.beta]), "--layout bhtd,beta=bthd", .bhtd, [.beta: .bthd]),
      (
        [.k, .v, .w, .beta], "--layout k=bhtd,v=bhtd,w=bhtd,beta=bhtd", .bthd,
        [.k: .bhtd, .v: .bhtd, .w: .bhtd, .beta: .bhtd]
      ),
    ]
    for (transposed, suggestion, layout, layouts) in cases {
      let message = try message(transposed: transposed)
      #expect(message?.hasSuffix("all shapes fit with \(suggestion)") == true, "\(message ?? "no error")")
      #expect(try report(transposed: transposed, layout: layout, layouts: layouts).verdict == .pass)
    }
    #expect(try message(transposed: [], layout: .bhtd)?.hasSuffix("all shapes fit with --layout bthd") == true)
    #expect(try message(transposed: []) == nil)
  }

  @Test("Where shapes fit in both orders, a report that fails says that the other one passes")
  func ambiguous() throws {
    let line = "B2 T9 HQ3 H3 K4 V4 seed=3"
    let all = Set(AttentionTensor.allCases)
    let wrong = try report(line, transposed: all)
    #expect(wrong.verdict == .fail)
    #expect(wrong.notes.contains { $0.hasSuffix("everything passes: give --layout bhtd") }, "\(wrong.notes)")
    #expect(try report(line, transposed: all, layout: .bhtd).verdict == .pass)
    let right = try report(line, transposed: [])
    #expect(right.verdict == .pass && !right.notes.contains { $0.contains("--layout") })
    #expect(try report(line, transposed: [], layout: .bhtd).notes.contains { $0.hasSuffix("give --layout bthd") })
  }
}
