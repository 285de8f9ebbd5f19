import LinearAlgebra
import Problems

/// What every `Scalar` type promises, as laws that can be checked of any of them.
///
/// ```swift
/// #expect(ScalarLaws<PrimeField> { $0.fieldElement() }.violation() == nil)
/// ```
///
/// Laws are equations and are checked as such, without tolerance. So `element` must draw numbers on which the arithmetic of
/// the type is exact: anything for an exact type, small integers for a floating-point one.
struct ScalarLaws<S: Scalar> {
  /// A group of laws.
  enum Law: String, CaseIterable {
    /// Sums and products: associative, commutative, distributive, with 0 and 1.
    case semiring
    /// Additive inverses and differences.
    case negation
    /// The integers map homomorphically.
    case integers
    /// `dot` and `addScaled` are what their definitions say.
    case rows
    /// `multiply`, `addProduct` and `subtractProduct` are what their definitions say, through every layout in memory.
    case products
    /// The four triangular solves give the solution (which needs additive inverses), through every layout in memory.
    case solves
  }

  /// Integers whose sums and products have exact images.
  var integers: [Int] = Array(-64...64)
  /// An element on which arithmetic is exact. Products of up to 10 and sums of up to 40 such elements must be so as well.
  let element: (inout SeededGenerator) -> S

  /// The first violated law with what is needed to see it again, or nil if all hold.
  ///
  /// - Parameters:
  ///   - laws: Which laws. A semiring without differences (degrees, say) has only some of them.
  ///   - seed: Where the random elements start.
  func violation(of laws: [Law] = Law.allCases, seed: UInt64 = 1) -> String? {
    for law in laws {
      var random = SeededGenerator(seed: seed, part: law.rawValue)
      let violation =
        switch law {
        case .semiring: semiring(&random)
        case .negation: negation(&random)
        case .integers: image(&random)
        case .rows: rows(&random)
        case .products: products(&random)
        case .solves: solves(&random)
        }
      if let violation { return "\(S.self), \(law.rawValue), seed \(seed): \(violation)" }
    }
    return nil
  }

  // MARK: The ring

  private func semiring(_ random: inout SeededGenerator) -> String? {
    for _ in 0..<300 {
      let (x, y, z) = (element(&random), element(&random), element(&random))
      let laws: [(String, Bool)] = [
        ("x + y = y + x", x + y == y + x),
        ("(x + y) + z = x + (y + z)", (x + y) + z == x + (y + z)),
        ("x + 0 = x", x + .zero == x),
        ("x y = y x", x * y == y * x),
        ("(x y) z = x (y z)", (x * y) * z == x * (y * z)),
        ("x 1 = x", x * .one == x),
        ("x 0 = 0", x * .zero == .zero),
        ("x (y + z) = x y + x z", x * (y + z) == x * y + x * z),
        ("x += y", updated(x) { $0 += y } == x + y),
        ("x *= y", updated(x) { $0 *= y } == x * y),
      ]
      if let (law, _) = laws.first(where: { !$1 }) { return "\(law) for x = \(x), y = \(y), z = \(z)" }
    }
    return nil
  }

  private func negation(_ random: inout SeededGenerator) -> String? {
    for _ in 0..<300 {
      let (x, y) = (element(&random), element(&random))
      let laws: [(String, Bool)] = [
        ("x + (−x) = 0", x + -x == .zero),
        ("−(−x) = x", -(-x) == x),
        ("x − y = x + (−y)", x - y == x + -y),
        ("(−x) y = −(x y)", -x * y == -(x * y)),
        ("x -= y", updated(x) { $0 -= y } == x - y),
      ]
      if let (law, _) = laws.first(where: { !$1 }) { return "\(law) for x = \(x), y = \(y)" }
    }
    return nil
  }

  private func image(_ random: inout SeededGenerator) -> String? {
    guard S(0) == .zero && S(1) == .one else { return "0 and 1 do not map to 0 and 1" }
    for a in integers {
      for b in integers {
        let (sum, isSumTooLarge) = a.addingReportingOverflow(b)
        guard isSumTooLarge || S(a) + S(b) == S(sum) else { return "\(a) + \(b)" }
        let (product, isProductTooLarge) = a.multipliedReportingOverflow(by: b)
        guard isProductTooLarge || S(a) * S(b) == S(product) else { return "\(a) · \(b)" }
      }
    }
    return nil
  }

  private func updated(_ x: S, _ update: (inout S) -> Void) -> S {
    var x = x
    update(&x)
    return x
  }

  // MARK: Rows

  private func rows(_ random: inout SeededGenerator) -> String? {
    for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33] {
      let α = element(&random)
      let x = (0..<count).map { _ in element(&random) }
      let y = (0..<count).map { _ in element(&random) }
      let dot = x.withUnsafeBufferPointer { x in y.withUnsafeBufferPointer { S.dot(x, $0) } }
      guard dot == zip(x, y).reduce(S.zero, { $0 + $1.0 * $1.1 }) else { return "dot of \(x) and \(y)" }
      var sum = y
      x.withUnsafeBufferPointer { x in sum.withUnsafeMutableBufferPointer { S.addScaled(α, x, to: $0) } }
      guard sum == zip(x, y).map({ $1 + α * $0 }) else { return "addScaled of \(α), \(x) to \(y)" }
    }
    return nil
  }

  // MARK: Matrices

  /// Rows, columns and the inner dimension: nothing in one of them, one, and more than a kernel takes at once.
  private static var shapes: [(rows: Int, inner: Int, columns: Int)] {
    [(0, 2, 3), (2, 0, 3), (2, 3, 0), (0, 0, 0), (1, 1, 1), (1, 4, 3), (5, 1, 2), (3, 7, 1), (8, 9, 5), (9, 4, 8)]
  }

  private func products(_ random: inout SeededGenerator) -> String? {
    for (rows, inner, columns) in Self.shapes {
      for layouts in triples(MatrixLayout.allCases) {
        let A = LaidOutMatrix(rows: rows, columns: inner, layouts.0, using: &random, element)
        let B = LaidOutMatrix(rows: inner, columns: columns, layouts.1, using: &random, element)
        let C = LaidOutMatrix(rows: rows, columns: columns, layouts.2, using: &random, element)
        let (before, AB) = (C.dense, definedProduct(A.dense, B.dense, columns: columns))
        for update in [ProductUpdate.replace, .add, .subtract] {
          let found = C.copy()
          let expected = C.copy()
          expected.set(
            zip(before, AB).map { old, new in
              zip(old, new).map { update == .replace ? $1 : update == .add ? $0 + $1 : $0 - $1 }
            })
          switch update {
          case .replace: multiply(A.view, B.view, into: found.view)
          case .add: addProduct(A.view, B.view, to: found.view)
          case .subtract: subtractProduct(A.view, B.view, from: found.view)
          }
          guard found == expected else {
            return "\(update) of \(rows) × \(inner) by \(inner) × \(columns) in layouts \(layouts)"
          }
        }
      }
    }
    return nil
  }

  private func solves(_ random: inout SeededGenerator) -> String? {
    for (n, columns) in [(0, 2), (3, 0), (1, 1), (1, 3), (2, 1), (4, 5), (7, 2), (8, 8), (9, 3)] {
      for layouts in triples(MatrixLayout.allCases) where layouts.2 == layouts.0 {
        for triangle in [Triangle.lower, .upper] {
          let M = LaidOutMatrix(rows: n, columns: n, layouts.0, using: &random, element)
          let opposite = triangle == .lower ? Triangle.upper : .lower
          // M as it counts: a unit diagonal, and zeros in the triangle that is not named.
          let dense = M.dense.enumerated().map { i, row in
            row.enumerated().map { j, x in i == j ? S.one : (j < i) == (triangle == .lower) ? x : S.zero }
          }
          let transposed = (0..<n).map { i in (0..<n).map { dense[$0][i] } }
          let untouched = M.copy()

          for (name, isLeft, factor) in [
            ("M⁻¹ B", true, dense), ("M⁻ᵀ B", true, transposed), ("B M⁻¹", false, dense), ("B M⁻ᵀ", false, transposed),
          ] {
            let B = LaidOutMatrix(
              rows: isLeft ? n : columns, columns: isLeft ? columns : n, layouts.1, using: &random, element)
            let X = B.copy()
            switch name {
            case "M⁻¹ B": solve(unitTriangular: M.view, triangle, X.view)
            case "M⁻ᵀ B": solve(unitTriangular: M.view.transposed, opposite, X.view)
            case "B M⁻¹": solve(unitTriangular: M.view.transposed, opposite, X.view.transposed)
            default: solve(unitTriangular: M.view, triangle, X.view.transposed)
            }
            // The solution put into the equation gives B back, and nothing else in memory has changed.
            let product =
              isLeft
              ? definedProduct(factor, X.dense, columns: columns) : definedProduct(X.dense, factor, columns: n)
            let restored = X.copy()
            restored.set(product)
            guard restored == B && M == untouched else {
              return "\(name), \(triangle), n = \(n), \(columns) columns, in layouts \(layouts.0), \(layouts.1)"
            }
          }
        }
      }
    }
    return nil
  }

  private func triples<T>(_ values: [T]) -> [(T, T, T)] {
    values.flatMap { a in values.flatMap { b in values.map { (a, b, $0) } } }
  }
}
