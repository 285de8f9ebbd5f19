import NumberFormats
import PathAttention
import Problems
import TensorFiles

/// Which cases are to be generated.
public struct GenerationRequest: Sendable {
  /// The kinds of cases.
  public var families: [CaseFamily]
  /// What q, k, v, do and the outputs like them are stored in: F64, F32, F16 or BF16.
  public var elementType: ElementType
  /// Where all random numbers start.
  public var seed: UInt64
  /// How many random cases.
  public var count: Int
  /// Sizes that are asked for; the others are left to the families.
  public var sizes: CaseSizes
  /// The block sizes of the implementations that will be tested.
  public var blockSizes: [Int]

  /// A request, each part with its usual value.
  public init(
    families: [CaseFamily] = CaseFamily.allCases, elementType: ElementType = .bfloat16, seed: UInt64 = 1,
    count: Int = 3, sizes: CaseSizes = CaseSizes(), blockSizes: [Int] = [16, 32, 64]
  ) {
    self.families = families
    self.elementType = elementType
    self.seed = seed
    self.count = count
    self.sizes = sizes
    self.blockSizes = blockSizes
  }

  package func validate() throws(GenerationError) {
    guard elementType.format != nil else {
      throw .option(name: "dtype", expected: "F64, F32, F16 or BF16", found: elementType.rawValue)
    }
    guard count >= 1 else { throw .option(name: "count", expected: "at least 1", found: "\(count)") }
    guard !blockSizes.isEmpty, blockSizes.allSatisfy({ $0 >= 2 }) else {
      throw .option(name: "block sizes", expected: "at least one, each at least 2", found: "\(blockSizes)")
    }
  }
}

extension GenerationRequest {
  /// All cases are kept with their references; one at a time is studied.
  public var memoryEstimate: MemoryEstimate {
    // The usual sizes of the families are smaller, and so are their numbers of cases.
    let length = 4 * (blockSizes.max() ?? 1)
    let shape = sizes.shape(
      AttentionShape(batch: 2, length: length, queryHeads: 4, heads: 2, keyDim: 16, valueDim: 24))
    let problem = ProblemSizes(shape)
    let cases = Double(families.contains(.random) ? count : 0) + 16
    let pass = MemoryEstimate.pass(problem, .blockwise(), backward: true)
    return .base + MemoryEstimate(bytes: 8 * 2 * problem.all * cases) + 4.0 * pass
  }
}

/// Sizes of cases, as far as somebody cares.
public struct CaseSizes: Sendable {
  /// Sequences.
  public var batch: Int?
  /// Tokens per sequence.
  public var length: Int?
  /// Query heads.
  public var queryHeads: Int?
  /// Key/value heads.
  public var heads: Int?
  /// Lanes of q, k and w.
  public var keyDim: Int?
  /// Lanes of v.
  public var valueDim: Int?

  /// Sizes; nil leaves one to the family.
  public init(
    batch: Int? = nil, length: Int? = nil, queryHeads: Int? = nil, heads: Int? = nil, keyDim: Int? = nil,
    valueDim: Int? = nil
  ) {
    self.batch = batch
    self.length = length
    self.queryHeads = queryHeads
    self.heads = heads
    self.keyDim = keyDim
    self.valueDim = valueDim
  }

  /// A shape with the sizes that are asked for in place of its own.
  package func shape(_ usual: AttentionShape) -> AttentionShape {
    AttentionShape(
      batch: batch ?? usual.batch, length: length ?? usual.length, queryHeads: queryHeads ?? usual.queryHeads,
      heads: heads ?? usual.heads, keyDim: keyDim ?? usual.keyDim, valueDim: valueDim ?? usual.valueDim)
  }
}

/// Why cases could not be generated. Each is one line that names what was expected and what was found.
public enum GenerationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A part of the request makes no sense.
  case option(name: String, expected: String, found: String)
  /// A case cannot have the sizes that are asked for.
  case size(case: String, name: String, expected: String, found: Int)
  /// The numbers of a case make no sense, or overflow where they are stored.
  case numbers(case: String, reason: String)
  /// A file cannot be written.
  case file(TensorFileError)

  /// One line for a person.
  public var description: String {
    switch self {
    case .option(let name, let expected, let found): "\(name) must be \(expected), found \(found)"
    case .size(let name, let size, let expected, let found): "\(name): \(size) must be \(expected), found \(found)"
    case .numbers(let name, let reason): "\(name): \(reason)"
    case .file(let error): "\(error)"
    }
  }
}
