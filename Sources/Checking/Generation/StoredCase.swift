import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// A generated case as it stands in a file: numbers rounded to what they are stored in, then the reference of those.
///
/// q, k, v, do, o, dq, dk and dv are in the dtype that was asked for; w, β, g and their gradients, and lse, have at least
/// single precision, as kernels take and give them.
struct StoredCase {
  package let generated: GeneratedCase
  package let elementType: ElementType
  /// The case with rounded inputs and cotangent.
  package let attentionCase: AttentionCase
  /// What the definition gives for it in Float64, not rounded.
  package let reference: [AttentionTensor: [Double]]

  /// - Complexity: That of the reference.
  init(_ generated: GeneratedCase, as elementType: ElementType) throws(GenerationError) {
    func rounded(_ tensor: AttentionTensor, _ entries: [Double]) -> [Double] {
      let format = Self.elementType(of: tensor, elementType).format!
      return entries.map(format.round)
    }
    self.generated = generated
    self.elementType = elementType
    var stored = generated.attentionCase
    let inputs = stored.inputs
    do {
      stored.inputs = try AttentionInputs(
        shape: inputs.shape, q: rounded(.q, inputs.q.entries), k: rounded(.k, inputs.k.entries),
        v: rounded(.v, inputs.v.entries), w: rounded(.w, inputs.w.entries), beta: rounded(.beta, inputs.beta.entries),
        g: inputs.g.map { rounded(.g, $0.entries) }, segmentBoundaries: inputs.segmentBoundaries)
      stored.outputCotangent = stored.outputCotangent.map { rounded(.do, $0) }
      reference = try Implementation(referenceForm(for: stored.inputs)).evaluate(stored)
    } catch {
      throw .numbers(case: generated.name, reason: "\(error)")
    }
    attentionCase = stored
  }

  /// What a tensor is stored in.
  package static func elementType(of tensor: AttentionTensor, _ activation: ElementType) -> ElementType {
    switch tensor {
    case .q, .k, .v, .do, .o, .dq, .dk, .dv: activation
    case .w, .beta, .g, .lse, .dlse, .dw, .dbeta, .dg: activation == .float64 ? .float64 : .float32
    }
  }

  /// The name of the file.
  package var fileName: String { "\(generated.name)-\(elementType.rawValue.lowercased()).safetensors" }

  /// The file: inputs, do, and the reference rounded once.
  package func file() throws(TensorFileError) -> TensorFileWriter {
    let inputs = attentionCase.inputs
    var metadata = [
      "case": generated.name, "family": generated.family.rawValue, "notes": generated.purpose,
      "source": "pathcheck generate", "seed": "\(generated.seed)",
      "scale": "\(attentionCase.function.scale)",
      "gate": attentionCase.function.gate.rawValue,
    ]
    metadata["problem"] = generated.problem?.description
    var file = TensorFileWriter(metadata: metadata)
    var tensors = inputs.tensors.map { ($0.tensor, $0.entries.entries) }
    tensors += attentionCase.outputCotangent.map { [(.do, $0)] } ?? []
    tensors += AttentionTensor.allCases.compactMap { tensor in reference[tensor].map { (tensor, $0) } }
    for (tensor, entries) in tensors {
      try file.add(
        tensor.rawValue, shape: inputs.shape.dimensions(of: tensor), entries,
        as: Self.elementType(of: tensor, elementType))
    }
    if inputs.isPacked, let boundaries = inputs.segmentBoundaries {
      try file.add("cu_seqlens", shape: [boundaries.count], boundaries, as: .int32)
    }
    for (tensor, isExact) in generated.exactEntries.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      try file.add(
        "exact_\(tensor)", shape: inputs.shape.dimensions(of: tensor), isExact.map { $0 ? 1 : 0 }, as: .bool)
    }
    return file
  }
}
