import Judging
import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// Inputs and a candidate's outputs as they stand in one or two files, widened to `Double` exactly.
struct Submission {
  package let name: String
  package let inputs: AttentionInputs<Double>
  package let scale: Double
  package let gate: GateConvention
  /// do, if the file has it.
  package let outputCotangent: [Double]?
  /// The outputs of the candidate, in the order of `AttentionTensor`.
  package let candidates: [Candidate]
  /// Intermediate results of the candidate, in the order of `Stage`.
  package let stages: [StageCandidate]
  /// The rows per block of the candidate, if the request or the file tells.
  package let blockSize: Int?
  /// The coarsest format that q, k, v and do are stored in: what a kernel calls its dtype.
  package let activation: NumberFormat
  /// Remarks on how the files were read.
  package let notes: [String]
  /// The tokens whose query rows are judged; all when nil.
  package var queryTokens: [Int]?
  /// The tensors of which only the rows of these tokens are judged.
  var sampledTensors: Set<AttentionTensor> = []

  /// The problem, with the cotangent if the candidate has gradients.
  package var attentionCase: AttentionCase {
    AttentionCase(
      inputs, scale: scale, gate: gate,
      outputCotangent: candidates.contains { $0.tensor.isGradient } ? outputCotangent : nil, queryTokens: queryTokens)
  }
}

/// One tensor that the candidate computed.
struct Candidate {
  package let tensor: AttentionTensor
  package let elementType: ElementType
  package let entries: [Double]
}

/// One intermediate result that the candidate handed over, with zeros where entries have no meaning.
struct StageCandidate {
  package let stage: Stage
  package let elementType: ElementType
  package let entries: [Double]
}
