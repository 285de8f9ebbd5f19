import LinearAlgebra
import PathAttention
import TensorFiles

// Parameters of a layer as safetensors. It stands here because this is the lowest module that knows both layers and files:
// PathAttention computes and reads nothing.

extension LayerParameters<Double> {
  /// The parameters of a layer in a file, under their names in the state dict. Which options the layer has follows from
  /// which parameters are there.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - prefix: What stands before the names. Tensors without it are not looked at; one with it must be a parameter.
  ///   - normEpsilon: What is added to the mean square when q and k are normalised. No parameter tells it.
  /// - Throws: `CrossCheckError` when a parameter is missing, has the wrong dimensions or is not finite.
  public init(_ file: TensorFile, prefix: String = "", normEpsilon: Double = 1e-5) throws(CrossCheckError) {
    var dimensions: [String: [Int]] = [:]
    for tensor in file.tensors where tensor.name.hasPrefix(prefix) {
      let name = String(tensor.name.dropFirst(prefix.count))
      if LayerParameter(rawValue: name) != nil {
        dimensions[name] = tensor.shape
      } else if !prefix.isEmpty {
        throw .inputs(file: file.path, .parameters(missing: [], unexpected: [tensor.name]))
      }
    }
    do throws(AttentionError) {
      var configuration = try LayerConfiguration(dimensions: dimensions)
      configuration.normEpsilon = normEpsilon
      try self.init(configuration, file, prefix: prefix, found: dimensions)
    } catch {
      throw .inputs(file: file.path, error)
    }
  }

  private init(
    _ configuration: LayerConfiguration, _ file: TensorFile, prefix: String, found: [String: [Int]]
  ) throws(AttentionError) {
    var entries: [String: [Double]] = [:]
    for (name, dimensions) in found.sorted(by: { $0.key < $1.key }) {
      let expected = LayerParameter(rawValue: name).flatMap(configuration.dimensions)
      if let expected, dimensions != expected {
        throw .option(name: name, expected: "of shape \(expected)", found: "\(dimensions)")
      }
      let numbers: [Double]
      do { numbers = try file.doubles(prefix + name) } catch {
        throw .option(name: name, expected: "of floating-point numbers", found: "\(error)")
      }
      if let index = numbers.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite(tensor: prefix + name, index: index, value: "\(numbers[index])")
      }
      entries[name] = numbers
    }
    try self.init(configuration, entries: entries)
  }

  /// Adds the parameters to a file that is being written.
  ///
  /// - Throws: `TensorFileError` when a name is taken or the type is not one of floating-point numbers.
  public func add(
    to file: inout TensorFileWriter, prefix: String = "", as elementType: ElementType = .float64
  ) throws(TensorFileError) {
    for (parameter, entries) in tensors {
      try file.add(
        prefix + parameter.rawValue, shape: configuration.dimensions(of: parameter)!, entries, as: elementType)
    }
  }
}
