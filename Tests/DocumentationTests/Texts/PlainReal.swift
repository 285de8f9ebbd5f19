import LinearAlgebra

/// `Float` or `Double` without BLAS: sums are taken in the order of the text, so that results, and how far off they are, are
/// the same to the last bit on every machine.
struct PlainReal<Value: BinaryFloatingPoint & Sendable>: Scalar, Equatable {
  let value: Value

  init(_ value: Value) { self.value = value }
  init(_ value: Int) { self.value = Value(value) }

  static var zero: Self { Self(Value.zero) }
  static func + (x: Self, y: Self) -> Self { Self(x.value + y.value) }
  static func - (x: Self, y: Self) -> Self { Self(x.value - y.value) }
  static func * (x: Self, y: Self) -> Self { Self(x.value * y.value) }
  static prefix func - (x: Self) -> Self { Self(-x.value) }
}
