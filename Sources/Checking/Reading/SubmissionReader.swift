import Judging
import LinearAlgebra
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// Reads a submission and checks that its parts fit together.
package struct SubmissionReader {
  private let request: CrossCheckRequest
  private let inputFile: TensorFile
  private let candidateFile: TensorFile
  private let names: SubmissionNames

  package init(_ request: CrossCheckRequest) throws(CrossCheckError) {
    self.request = request
    inputFile = try TensorFile(ofCase: request.inputs)
    candidateFile = if let path = request.candidate { try TensorFile(ofCase: path) } else { inputFile }
    names = try SubmissionNames(request, inputs: inputFile, candidate: candidateFile)
  }

  func read() throws(CrossCheckError) -> Submission {
    let shape = try shape()
    let boundaries = try inputFile.segmentBoundaries()
    try checkMemory(shape, boundaries)
    var tensors: [AttentionTensor: [Double]] = [:]
    var activation = NumberFormat.float64
    for tensor in SubmissionNames.inputTensors where inputFile[name(tensor)] != nil {
      let (entries, elementType) = try entries(tensor, shape, in: inputFile)
      if let index = entries.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(
          file: inputFile.path, tensor: name(tensor), place: Place(index, of: tensor, in: shape),
          value: entries[index])
      }
      tensors[tensor] = entries
      if [.q, .k, .v, .do].contains(tensor), let format = elementType.format,
        format.unitRoundoff > activation.unitRoundoff
      {
        activation = format
      }
    }
    var candidates: [Candidate] = []
    for tensor in SubmissionNames.outputTensors where candidateFile[name(tensor)] != nil {
      let (entries, elementType) = try entries(tensor, shape, in: candidateFile)
      candidates.append(Candidate(tensor: tensor, elementType: elementType, entries: entries))
    }
    try checkCompleteness(candidates, tensors)
    let blockSize = try blockSize(shape)
    let inputs: AttentionInputs<Double>
    do {
      inputs = try AttentionInputs(
        shape: shape, q: tensors[.q]!, k: tensors[.k]!, v: tensors[.v]!, w: tensors[.w]!, beta: tensors[.beta]!,
        g: tensors[.g], segmentBoundaries: boundaries)
    } catch {
      throw .inputs(file: inputFile.path, error)
    }
    return Submission(
      name: inputFile.metadata["case"] ?? inputFile.path, inputs: inputs,
      scale: inputs.function(scale: try inputFile.number("scale", request.scale)).scale,
      gate: try inputFile.gate(request.gate),
      outputCotangent: tensors[.do], candidates: candidates,
      stages: try Stage.allCases.filter { candidateFile[name($0)] != nil }.map { stage throws(CrossCheckError) in
        try self.stage(stage, inputs, blockSize: blockSize)
      },
      blockSize: blockSize, activation: activation,
      notes: inputFile.gateNotes(request.gate, isGated: inputFile[name(.g)] != nil) + names.notes)
  }

  // MARK: Parts

  private func name(_ tensor: AttentionTensor) -> String { names[tensor] }

  /// The shape as q, k and v tell it. Whether the others agree is seen when they are read.
  private func shape() throws(CrossCheckError) -> AttentionShape {
    for tensor in [AttentionTensor.q, .k, .v, .w, .beta] where inputFile[name(tensor)] == nil {
      throw .missing(
        file: inputFile.path, tensor: name(tensor), reason: "the inputs are q, k, v, w and beta (see --rename)")
    }
    var dimensions: [AttentionTensor: [Int]] = [:]
    for tensor in [AttentionTensor.q, .k, .v] {
      let found = inputFile[name(tensor)]!.shape
      guard found.count == 4 else {
        let axes = layout(tensor) == .bthd ? "[batch, token, head, lane]" : "[batch, head, token, lane]"
        throw .shape(file: inputFile.path, tensor: name(tensor), expected: axes, found: found, hint: nil)
      }
      dimensions[tensor] = layout(tensor).dimensions(found)
    }
    let (q, k, v) = (dimensions[.q]!, dimensions[.k]!, dimensions[.v]!)
    guard q[0] > 0, q[1] > 0 else {
      throw .empty(file: inputFile.path, tensor: name(.q), shape: inputFile[name(.q)]!.shape)
    }
    let shape = AttentionShape(
      batch: q[0], length: q[1], queryHeads: q[2], heads: k[2], keyDim: q[3], valueDim: v[3])
    do {
      try shape.validate()
    } catch {
      guard let suggestion else { throw .inputs(file: inputFile.path, error) }
      throw .layout(file: inputFile.path, problem: "\(error)", suggestion: suggestion)
    }
    return shape
  }

  private func entries(
    _ tensor: AttentionTensor, _ shape: AttentionShape, in file: TensorFile
  ) throws(CrossCheckError) -> ([Double], ElementType) {
    try entries(name(tensor), dimensions: shape.dimensions(of: tensor), layout(tensor), in: file)
  }

  private func layout(_ tensor: AttentionTensor) -> TensorLayout { request.layouts[tensor] ?? request.layout }

  /// The layout with which all shapes fit together, if it is another one than was asked for.
  private var suggestion: String? {
    var shapes: [AttentionTensor: [Int]] = [:]
    for tensor in SubmissionNames.inputTensors { shapes[tensor] = inputFile[name(tensor)]?.shape }
    for tensor in SubmissionNames.outputTensors { shapes[tensor] = candidateFile[name(tensor)]?.shape }
    return LayoutSearch(shapes: shapes).suggestion(insteadOf: request.layout, request.layouts)
  }

  /// The entries of a tensor that is there, in the order of `bthd`.
  private func entries(
    _ name: String, dimensions: [Int], _ layout: TensorLayout, in file: TensorFile
  ) throws(CrossCheckError) -> ([Double], ElementType) {
    let descriptor = file[name]!
    let expected = layout.dimensions(dimensions)
    guard descriptor.shape == expected else {
      throw .shape(
        file: file.path, tensor: name, expected: "\(expected)", found: descriptor.shape,
        hint: suggestion.map { "all shapes fit with \($0)" })
    }
    return (layout.reorder(try file.widened(name), dimensions: dimensions), descriptor.elementType!)
  }

  // MARK: Stages

  private func name(_ stage: Stage) -> String { names[stage] }

  /// A block has matrices of its size squared.
  private static let largestBlockSize = 4096

  /// The rows per block of the candidate: the last axis of a stage that has one entry for each, or what the metadata say.
  private func blockSize(_ shape: AttentionShape) throws(CrossCheckError) -> Int? {
    for stage in Stage.allCases where stage.isBlockSquare {
      guard let found = candidateFile[name(stage)]?.shape else { continue }
      guard found.count == 4, (1...Self.largestBlockSize).contains(found[3]) else {
        throw .shape(
          file: candidateFile.path, tensor: name(stage),
          expected:
            "\(request.layout.dimensions([shape.batch, shape.length, shape.heads])) and the rows of a block, at most \(Self.largestBlockSize)",
          found: found, hint: nil)
      }
      return found[3]
    }
    if let blockSize = request.blockSize { return blockSize }
    guard let text = candidateFile.metadata["block_size"] ?? inputFile.metadata["block_size"] else { return nil }
    guard let size = Int(text), (1...Self.largestBlockSize).contains(size) else {
      throw .metadata(
        file: candidateFile.path, key: "block_size", expected: "an integer from 1 to \(Self.largestBlockSize)",
        found: text)
    }
    return size
  }

  private func stage(
    _ stage: Stage, _ inputs: AttentionInputs<Double>, blockSize: Int?
  ) throws(CrossCheckError) -> StageCandidate {
    let shape = inputs.shape
    // A stage whose layout depends on the block size has told it.
    let layout = stage.layout(inputs, blockSize: blockSize ?? 1)
    var (entries, elementType) = try entries(
      name(stage), dimensions: [shape.batch, shape.length, layout.heads, layout.lanes!], request.layout,
      in: candidateFile)
    let lanes = layout.lanes!
    for segment in inputs.segments {
      for (position, token) in segment.enumerated() {
        let meaning = stage.meaningfulLanes(
          token: position, start: segment.lowerBound % shape.length, blockSize: blockSize ?? 1, lanes: lanes)
        for row in token * layout.heads..<(token + 1) * layout.heads {
          for lane in 0..<lanes where !meaning.contains(lane) { entries[row * lanes + lane] = 0 }
        }
      }
    }
    return StageCandidate(stage: stage, elementType: elementType, entries: entries)
  }

  // MARK: Checks

  private func checkCompleteness(
    _ candidates: [Candidate], _ inputs: [AttentionTensor: [Double]]
  ) throws(CrossCheckError) {
    guard !candidates.isEmpty || Stage.allCases.contains(where: { candidateFile[name($0)] != nil }) else {
      throw .nothingToCompare(
        file: candidateFile.path, expected: SubmissionNames.outputTensors.map(name).joined(separator: ", "))
    }
    for candidate in candidates {
      if candidate.tensor.isGradient, inputs[.do] == nil {
        throw .missing(
          file: inputFile.path, tensor: name(.do), reason: "'\(name(candidate.tensor))' cannot be judged without it")
      }
      if candidate.tensor == .dg, inputs[.g] == nil {
        throw .missing(
          file: inputFile.path, tensor: name(.g), reason: "'\(name(.dg))' cannot be judged without it")
      }
    }
  }

  /// Before any tensor is read.
  private func checkMemory(_ shape: AttentionShape, _ boundaries: [Int]?) throws(CrossCheckError) {
    guard let limit = request.memoryLimit else { return }
    // Whether the boundaries make sense is seen later.
    let segments = boundaries.map { zip($0, $0.dropFirst()).map { Double($1) - Double($0) } }
    let longest = segments.map { Int(min(max(1, $0.max() ?? 0), Double(shape.length))) }
    let names =
      SubmissionNames.inputTensors.map(name) + SubmissionNames.outputTensors.map(name) + Stage.allCases.map(name)
    let entries = Set([inputFile.path, candidateFile.path]).reduce(0.0) { sum, path in
      let file = path == inputFile.path ? inputFile : candidateFile
      return sum + names.reduce(0) { $0 + (file[$1]?.entries ?? 0) }
    }
    do {
      try limit.admit(
        .check(
          ProblemSizes(shape, longest: longest, segments: segments?.count), entries: entries,
          form: request.form ?? .blockwise(), blockSize: request.profile?.blockSize ?? 64,
          backward: SubmissionNames.outputTensors.contains { $0.isGradient && candidateFile[name($0)] != nil },
          studiesVariants: request.studiesVariants && request.rows == nil))
    } catch {
      throw .memory(file: inputFile.path, error)
    }
  }
}
