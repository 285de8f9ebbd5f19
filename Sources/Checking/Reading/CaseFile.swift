import PathAttention
import TensorFiles

// What operator and layer read of a file in the same way.

extension TensorFile {
  /// The file at a path.
  init(ofCase path: String) throws(CrossCheckError) {
    do { self = try TensorFile(path: path) } catch { throw .file(error) }
  }

  /// A number that is given, or else one of the metadata.
  func number(_ key: String, _ given: Double?) throws(CrossCheckError) -> Double? {
    if let given { return given }
    guard let text = metadata[key] else { return nil }
    guard let value = Double(text), value.isFinite else {
      throw .metadata(file: path, key: key, expected: "a finite number", found: text)
    }
    return value
  }

  /// The gate convention that is given, or else that of the metadata.
  func gate(_ given: GateConvention?) throws(CrossCheckError) -> GateConvention {
    if let given { return given }
    guard let text = metadata["gate"] else { return .scaled }
    guard let gate = GateConvention(rawValue: text) else {
      throw .metadata(file: path, key: "gate", expected: "scaled or unscaled", found: text)
    }
    return gate
  }

  /// That nobody says which convention it is, if there is a gate.
  func gateNotes(_ given: GateConvention?, isGated: Bool) -> [String] {
    isGated && given == nil && metadata["gate"] == nil
      ? ["the file does not say which gate convention it uses; taken as scaled (see --gate)"] : []
  }

  /// `cu_seqlens`, if it is there.
  func segmentBoundaries() throws(CrossCheckError) -> [Int]? {
    guard let descriptor = self["cu_seqlens"] else { return nil }
    guard descriptor.shape.count == 1 else {
      throw .shape(file: path, tensor: "cu_seqlens", expected: "[segments + 1]", found: descriptor.shape, hint: nil)
    }
    do { return try integers("cu_seqlens") } catch { throw .file(error) }
  }

  /// The entries of a tensor that is there, widened exactly.
  func widened(_ name: String) throws(CrossCheckError) -> [Double] {
    do { return try doubles(name) } catch { throw .file(error) }
  }
}
