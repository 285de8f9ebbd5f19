import Judging
import PathAttention
import TensorFiles

/// What tensors are called in the files of a submission. Whoever reads a file finds out here that every tensor in it is
/// read, or hears of it.
struct SubmissionNames {
  private let request: CrossCheckRequest
  private let inputs: TensorFile
  private let candidate: TensorFile
  private let isOneFile: Bool

  package static let boundaries = "cu_seqlens"
  static let inputTensors: [AttentionTensor] = [.q, .k, .v, .w, .beta, .g, .do]
  static let outputTensors: [AttentionTensor] = [.o, .lse, .dq, .dk, .dv, .dw, .dbeta, .dg]

  /// - Throws: `CrossCheckError` when a name that was asked for is not there, two tensors would be read from one, or a name
  ///   looks like a misspelt one of a tensor that is not there.
  init(_ request: CrossCheckRequest, inputs: TensorFile, candidate: TensorFile) throws(CrossCheckError) {
    self.request = request
    self.inputs = inputs
    self.candidate = candidate
    isOneFile = request.candidate == nil
    try checkRenamed()
    try checkDistinct()
    try checkSpelling()
  }

  subscript(tensor: AttentionTensor) -> String { request.names[tensor] ?? tensor.rawValue }

  subscript(stage: Stage) -> String { request.stageNames[stage] ?? stage.rawValue }

  /// What is read from the file of inputs, by our names and by its own.
  private var inputNames: [(ours: String, name: String)] {
    Self.inputTensors.map { ($0.rawValue, self[$0]) } + [(Self.boundaries, Self.boundaries)]
  }

  /// What is read from the file of the candidate.
  private var candidateNames: [(ours: String, name: String)] {
    Self.outputTensors.map { ($0.rawValue, self[$0]) } + Stage.allCases.map { ($0.rawValue, self[$0]) }
  }

  private func isRenamed(_ ours: String) -> Bool {
    request.names.keys.contains { $0.rawValue == ours } || request.stageNames.keys.contains { $0.rawValue == ours }
  }

  // MARK: Checks

  private func checkRenamed() throws(CrossCheckError) {
    for (file, names) in [(inputs, inputNames), (candidate, candidateNames)] {
      for (ours, name) in names where isRenamed(ours) && file[name] == nil {
        throw .missing(file: file.path, tensor: name, reason: "it was to be read as \(ours) (see --rename)")
      }
    }
  }

  private func checkDistinct() throws(CrossCheckError) {
    for names in isOneFile ? [inputNames + candidateNames] : [inputNames, candidateNames] {
      for (_, sharers) in Dictionary(grouping: names, by: \.name) where sharers.count > 1 {
        throw .unread(
          file: (isOneFile ? inputs : candidate).path, tensor: sharers[0].name,
          reason: "cannot be both \(sharers.map(\.ours).joined(separator: " and ")) (see --rename)")
      }
    }
  }

  private func checkSpelling() throws(CrossCheckError) {
    for (file, names) in isOneFile
      ? [(inputs, inputNames + candidateNames)] : [(inputs, inputNames), (candidate, candidateNames)]
    {
      // The inputs that have to be there are missed by name.
      let absent = names.filter { !isRenamed($0.ours) && file[$0.name] == nil }
      for name in unknown(in: file) {
        guard let meant = absent.first(where: { isMisspelling(name, of: $0.ours) }) else { continue }
        throw .unread(
          file: file.path, tensor: name,
          reason: "is not known; should it be \(meant.ours)?"
            + (meant.ours == Self.boundaries ? "" : " (--rename \(meant.ours)=\(name.excerpt(60)))"))
      }
    }
  }

  // MARK: Notes

  /// Every tensor that is not read, and why.
  package var notes: [String] {
    var notes: [String] = []
    func note(_ names: [String], _ words: (String) -> String) {
      if !names.isEmpty { notes.append(words(names.excerpt())) }
    }
    if !isOneFile {
      let outputs = Set(candidateNames.map(\.name))
      let read = Set(inputNames.map(\.name))
      note(inputs.tensors.map(\.name).filter { outputs.contains($0) && !read.contains($0) }) {
        "not judged, because --candidate gives the outputs: \($0) of \(inputs.path.excerpt())"
      }
      note(unknown(in: inputs)) { "not read from \(inputs.path.excerpt()), because the names are not known: \($0)" }
      note(candidate.tensors.map(\.name).filter { read.contains($0) && !outputs.contains($0) }) {
        "not read from \(candidate.path.excerpt()), because inputs are those of the other file: \($0)"
      }
    }
    note(unknown(in: candidate)) { "not compared, because the names are not known: \($0) (see --rename)" }
    return notes
  }

  private func unknown(in file: TensorFile) -> [String] {
    let known = Set((inputNames + candidateNames).map(\.name))
    return file.tensors.map(\.name).filter { !known.contains($0) }
  }
}

/// Whether a name is a known one, misspelt: the same but for capitals and punctuation, or two neighbouring letters exchanged;
/// in longer names one letter is wrong, too many or missing.
func isMisspelling(_ name: String, of known: String) -> Bool {
  // What is much longer is something else, whatever it is.
  guard name.utf8.count <= 2 * known.utf8.count + 4 else { return false }
  func letters(_ text: String) -> [Character] { text.lowercased().filter { $0.isLetter || $0.isNumber } }
  let (a, b) = (letters(name), letters(known))
  if a == b { return true }
  let prefix = zip(a, b).prefix { $0 == $1 }.count
  let (restA, restB) = (a.dropFirst(prefix), b.dropFirst(prefix))
  let isExchange =
    b.count >= 3 && restA.count == restB.count && restA.count >= 2
    && Array(restA.prefix(2).reversed()) == Array(restB.prefix(2))
    && restA.dropFirst(2).elementsEqual(restB.dropFirst(2))
  let isOneLetter =
    b.count >= 5
    && (restA.dropFirst().elementsEqual(restB.dropFirst()) || restA.dropFirst().elementsEqual(restB)
      || restA.elementsEqual(restB.dropFirst()))
  return isExchange || isOneLetter
}
