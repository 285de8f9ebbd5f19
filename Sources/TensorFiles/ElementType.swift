import NumberFormats

/// The type of a tensor's elements, by the name it has in a safetensors file.
public enum ElementType: String, CaseIterable, Sendable {
  /// IEEE binary64.
  case float64 = "F64"
  /// IEEE binary32.
  case float32 = "F32"
  /// IEEE binary16.
  case float16 = "F16"
  /// bfloat16.
  case bfloat16 = "BF16"
  /// 64-bit integer.
  case int64 = "I64"
  /// 32-bit integer.
  case int32 = "I32"
  /// 16-bit integer.
  case int16 = "I16"
  /// 8-bit integer.
  case int8 = "I8"
  /// 64-bit unsigned integer.
  case uint64 = "U64"
  /// 32-bit unsigned integer.
  case uint32 = "U32"
  /// 16-bit unsigned integer.
  case uint16 = "U16"
  /// 8-bit unsigned integer.
  case uint8 = "U8"
  /// One byte, 0 or 1.
  case bool = "BOOL"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// The floating-point format; nil for integers and truth values.
  public var format: NumberFormat? {
    switch self {
    case .float64: .float64
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    default: nil
    }
  }
}
