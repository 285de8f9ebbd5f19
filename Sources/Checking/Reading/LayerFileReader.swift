import Mistakes
import NumberFormats
import PathAttention
import Problems
import TensorFiles

extension LayerSubmission {
  static let parameterPrefix = "param."
  static let decodePrefix = "out_decode_"

  init(_ request: LayerCheckRequest) throws(CrossCheckError) {
    let file = try TensorFile(ofCase: request.file)
    let reader = LayerFileReader(file: file, request: request)
    try reader.checkNames()
    try reader.checkMemory()
    let parameters = try LayerParameters(file, prefix: Self.parameterPrefix, normEpsilon: try reader.normEpsilon())
    let configuration = parameters.configuration
    let (scale, gate) = (try file.number("scale", request.scale), try file.gate(request.gate))
    try reader.checkMetadata(configuration)
    let (batch, length, x) = try reader.x(hidden: configuration.hiddenSize)
    try reader.checkMemory(
      configuration, batch: batch, length: length, entries: file.tensors.reduce(0) { $0 + $1.entries })
    let boundaries = try file.segmentBoundaries()
    let outputs = try reader.outputs(batch: batch, length: length, hidden: configuration.hiddenSize)
    if boundaries != nil, let other = outputs.first(where: { $0.path != .full }) {
      throw .shape(
        file: file.path, tensor: "cu_seqlens", expected: "absent beside '\(other.name)'; only out_full may be packed",
        found: file["cu_seqlens"]!.shape, hint: nil)
    }
    self.init(
      name: file.metadata["case"] ?? file.path, file: file.path, parameters: parameters, scale: scale, gate: gate,
      batch: batch, length: length, x: x, segmentBoundaries: boundaries, outputs: outputs,
      format: reader.coarsestFormat(outputs), notes: reader.notes(gated: configuration.hasForgetGate))
  }
}

/// The parts of a layer file.
private struct LayerFileReader {
  let file: TensorFile
  let request: LayerCheckRequest

  func normEpsilon() throws(CrossCheckError) -> Double { try file.number("norm_eps", request.normEpsilon) ?? 1e-5 }

  /// What the metadata says of the layer must be what the parameters say.
  func checkMetadata(_ configuration: LayerConfiguration) throws(CrossCheckError) {
    let known: [(key: String, value: String)] = [
      ("hidden_size", "\(configuration.hiddenSize)"), ("num_heads", "\(configuration.queryHeads)"),
      ("num_kv_heads", "\(configuration.heads)"), ("use_forget_gate", "\(configuration.hasForgetGate)"),
      ("use_qk_norm", "\(configuration.hasQueryKeyNorm)"),
      ("use_low_rank_w", "\(configuration.reflectionRank != nil)"),
      ("use_w_shortconv", "\(configuration.convolution != nil)"),
    ]
    for (key, value) in known {
      guard let found = file.metadata[key], found.lowercased() != value else { continue }
      throw .metadata(file: file.path, key: key, expected: "\(value), as the parameters have it", found: found)
    }
  }

  func x(hidden: Int) throws(CrossCheckError) -> (batch: Int, length: Int, x: [Double]) {
    guard let descriptor = file["x"] else {
      throw .missing(file: file.path, tensor: "x", reason: "it is what the layer is given, [batch, token, hidden]")
    }
    guard descriptor.shape.count == 3, descriptor.shape[2] == hidden else {
      throw .shape(
        file: file.path, tensor: "x", expected: "[batch, token, \(hidden)]", found: descriptor.shape, hint: nil)
    }
    guard !descriptor.shape.contains(0) else { throw .empty(file: file.path, tensor: "x", shape: descriptor.shape) }
    let x = try file.widened("x")
    if let index = x.firstIndex(where: { !$0.isFinite }) {
      throw .inputs(file: file.path, .notFinite(tensor: "x", index: index, value: "\(x[index])"))
    }
    return (descriptor.shape[0], descriptor.shape[1], x)
  }

  func outputs(batch: Int, length: Int, hidden: Int) throws(CrossCheckError) -> [LayerSubmission.Output] {
    var outputs: [LayerSubmission.Output] = []
    func read(_ name: String, _ path: LayerPath, start: Int, count: Int?) throws(CrossCheckError) {
      guard let descriptor = file[name] else { return }
      let shape = descriptor.shape
      let limit = length - start
      guard shape.count == 3, shape[0] == batch, shape[2] == hidden, shape[1] >= 1, shape[1] <= limit,
        count == nil || shape[1] == count
      else {
        throw .shape(
          file: file.path, tensor: name,
          expected: "[\(batch), \(count.map(String.init) ?? "1 to \(limit) tokens"), \(hidden)]", found: shape,
          hint: nil
        )
      }
      let entries = try file.widened(name)
      outputs.append(
        LayerSubmission.Output(
          name: name, path: path, elementType: descriptor.elementType!, entries: entries,
          tokens: start..<start + shape[1]))
    }
    try read("out_full", .full, start: 0, count: length)
    try read("out_prefill", .prefill, start: 0, count: nil)
    let prefilled = file["out_prefill"]?.shape.dropFirst().first ?? 0
    var position = prefilled
    for step in try steps() {
      guard step >= position, step < length else {
        let before = outputs.last.map { "'\($0.name)' ends with token \(position - 1)" }
        throw .unread(
          file: file.path, tensor: "\(LayerSubmission.decodePrefix)\(step)",
          reason: "cannot begin at token \(step): "
            + (step >= length ? "x has \(length) tokens, counted from 0" : before ?? "it does not follow the prefill"))
      }
      try read("\(LayerSubmission.decodePrefix)\(step)", .decode, start: step, count: nil)
      position = outputs.last!.tokens.upperBound
    }
    guard !outputs.isEmpty else {
      throw .nothingToCompare(file: file.path, expected: "out_full, out_prefill, out_decode_TOKEN")
    }
    return outputs
  }

  /// The first tokens of the decode steps, ascending.
  private func steps() throws(CrossCheckError) -> [Int] {
    var steps: [Int] = []
    for tensor in file.tensors where tensor.name.hasPrefix(LayerSubmission.decodePrefix) {
      let digits = tensor.name.dropFirst(LayerSubmission.decodePrefix.count)
      // One token has one name: 05 and +5 are not 5.
      guard let step = Int(digits), step >= 0, String(step) == digits else {
        throw .unread(
          file: file.path, tensor: tensor.name,
          reason: "must end in the number of its first token, written like \(LayerSubmission.decodePrefix)4")
      }
      steps.append(step)
    }
    return steps.sorted()
  }

  func coarsestFormat(_ outputs: [LayerSubmission.Output]) -> NumberFormat {
    let names = Set(outputs.map(\.name) + ["x"])
    let formats = file.tensors.filter { names.contains($0.name) || $0.name.hasPrefix(LayerSubmission.parameterPrefix) }
      .compactMap(\.elementType?.format)
    return formats.max { $0.unitRoundoff < $1.unitRoundoff } ?? .float64
  }

  private func isKnown(_ name: String) -> Bool {
    name.hasPrefix(LayerSubmission.parameterPrefix) || name.hasPrefix(LayerSubmission.decodePrefix)
      || Self.names.contains(name)
  }

  private static let names = ["x", SubmissionNames.boundaries, "out_full", "out_prefill"]

  /// Names that are almost right are errors: what they stand for would go unjudged, or make another layer.
  func checkNames() throws(CrossCheckError) {
    for name in file.tensors.map(\.name) where !isKnown(name) {
      let start = name.lowercased()
      if start.hasPrefix("out") {
        throw .unread(
          file: file.path, tensor: name,
          reason: "is not known; outputs are out_full, out_prefill and \(LayerSubmission.decodePrefix)TOKEN")
      }
      if start.hasPrefix("param") {
        throw .unread(
          file: file.path, tensor: name,
          reason: "is not known; parameters are called \(LayerSubmission.parameterPrefix)NAME")
      }
      if let meant = Self.names.first(where: { file[$0] == nil && isMisspelling(name, of: $0) }) {
        throw .unread(file: file.path, tensor: name, reason: "is not known; should it be \(meant)?")
      }
    }
  }

  /// Before any tensor is read: each is copied, rounded, and goes through the stages of the layer.
  func checkMemory() throws(CrossCheckError) {
    guard let limit = request.memoryLimit else { return }
    let entries = file.tensors.reduce(0.0) { $0 + (isKnown($1.name) ? $1.entries : 0) }
    do {
      try limit.admit(.base + MemoryEstimate(bytes: 8 * 5 * entries))
    } catch {
      throw .memory(file: file.path, error)
    }
  }

  /// Before anything is computed: the reference goes every path twice.
  func checkMemory(_ configuration: LayerConfiguration, batch: Int, length: Int, entries: Double)
    throws(CrossCheckError)
  {
    guard let limit = request.memoryLimit else { return }
    let sizes = ProblemSizes(configuration.shape(batch: batch, length: length))
    let stages = sizes.tokens * Double(6 * configuration.hiddenSize) + 4 * sizes.inputs
    do {
      try limit.admit(
        .base + MemoryEstimate(bytes: 8 * (stages + 5 * entries)) + .pass(sizes, .blockwise(), backward: false))
    } catch {
      throw .memory(file: file.path, error)
    }
  }

  func notes(gated: Bool) -> [String] {
    var notes = file.gateNotes(request.gate, isGated: gated)
    let ignored = file.tensors.map(\.name).filter { !isKnown($0) }
    if !ignored.isEmpty {
      notes.append("not compared, because the names are not known: \(ignored.excerpt())")
    }
    return notes
  }
}
