import LinearAlgebra

/// `Float` without BLAS: sums are taken in the order of the text, so that results, and how far off they are, are the same to
/// the last bit on every machine.
struct PlainFloat: Scalar, Equatable {
  let value: Float

  init(_ value: Float) { self.value = value }
  init(_ value: Int) { self.value = Float(value) }

  static let zero = PlainFloat(0)
  static func + (x: Self, y: Self) -> Self { Self(x.value + y.value) }
  static func - (x: Self, y: Self) -> Self { Self(x.value - y.value) }
  static func * (x: Self, y: Self) -> Self { Self(x.value * y.value) }
  static prefix func - (x: Self) -> Self { Self(-x.value) }
}
