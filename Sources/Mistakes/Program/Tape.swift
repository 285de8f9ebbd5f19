import LinearAlgebra
import PathAttention

/// A matrix in a program that can be differentiated: its value, and where its cotangent is collected.
///
/// Both are windows, so rows, columns and the transpose of a variable are variables that share its memory, and need no
/// entry on the tape.
struct Variable<S: Scalar>: Sendable {
  package let value: MutableMatrixView<S>
  package let cotangent: MutableMatrixView<S>

  init(value: MutableMatrixView<S>, cotangent: MutableMatrixView<S>) {
    precondition(value.rows == cotangent.rows && value.columns == cotangent.columns)
    self.value = value
    self.cotangent = cotangent
  }

  /// A variable of its own memory.
  init(_ value: Matrix<S>) {
    self.init(value: value.mutableView, cotangent: Matrix(rows: value.rows, columns: value.columns).mutableView)
  }

  package var rows: Int { value.rows }
  package var columns: Int { value.columns }

  package func rows(_ range: Range<Int>) -> Self { Self(value: value.rows(range), cotangent: cotangent.rows(range)) }
  package func columns(_ range: Range<Int>) -> Self {
    Self(value: value.columns(range), cotangent: cotangent.columns(range))
  }
  package var transposed: Self { Self(value: value.transposed, cotangent: cotangent.transposed) }

  /// The same value; what is collected for it is thrown away, as if it were a constant.
  var detached: Self { Self(value: value, cotangent: Matrix(rows: rows, columns: columns).mutableView) }
}

/// Reverse-mode differentiation of a program over matrices. Each operation computes its value at once and leaves on the
/// tape how to pull the cotangent of the result back to its operands.
///
/// Every operation is one over a ring, so a program runs over the prime field as it runs over `Double`; products and
/// solves of `Double` go to BLAS.
///
/// A pullback is `Sendable` and a tape is not, so the compiler refuses a pullback that holds the tape it is on: the two would
/// keep each other, and every matrix of the program, for as long as the process lives.
final class Tape<S: Scalar> {
  private let arithmetic: ProgramArithmetic<S>
  private let recordsPullbacks: Bool
  private var pullbacks: [@Sendable () -> Void] = []

  /// - Parameter recordsPullbacks: Whether the program will be differentiated. If not, what an operation reads is freed as
  ///   soon as nobody else needs it.
  init(_ arithmetic: ProgramArithmetic<S> = .exact, recordsPullbacks: Bool = true) {
    self.arithmetic = arithmetic
    self.recordsPullbacks = recordsPullbacks
  }

  /// Appends the pullback of an operation. When it is called, the cotangent of the result is complete, and nobody reads it
  /// afterwards.
  package func record(_ pullback: @escaping @Sendable () -> Void) {
    if recordsPullbacks { pullbacks.append(pullback) }
  }

  /// Collects the cotangents of all variables, from those that were written into the results.
  package func pullBack() {
    while let pullback = pullbacks.popLast() { pullback() }
  }

  // MARK: Operations

  package func zeros(_ rows: Int, _ columns: Int) -> Variable<S> { Variable(Matrix(rows: rows, columns: columns)) }

  package func identity(_ size: Int) -> Variable<S> {
    let identity = zeros(size, size)
    for t in 0..<size { identity.value[t, t] = .one }
    return identity
  }

  package func copy(_ A: Variable<S>) -> Variable<S> {
    let B = Variable(A.value.copy())
    record { add(B.cotangent, to: A.cotangent) }
    return B
  }

  /// A B
  ///
  /// - Parameter points: Where a kernel rounds A and B.
  package func product(
    _ A: Variable<S>, _ B: Variable<S>, at points: (RoundingPoint, RoundingPoint) = (.blockProducts, .blockProducts)
  ) -> Variable<S> {
    let C = zeros(A.rows, B.columns)
    accumulate(A, B, in: C, .add, points)
    return C
  }

  /// C ← C + A B. No operation may have read C before.
  package func addProduct(_ A: Variable<S>, _ B: Variable<S>, to C: Variable<S>) {
    accumulate(A, B, in: C, .add, (.blockProducts, .blockProducts))
  }

  /// C ← C − A B. No operation may have read C before.
  package func subtractProduct(_ A: Variable<S>, _ B: Variable<S>, from C: Variable<S>) {
    accumulate(A, B, in: C, .subtract, (.blockProducts, .blockProducts))
  }

  private func accumulate(
    _ A: Variable<S>, _ B: Variable<S>, in C: Variable<S>, _ update: ProductUpdate,
    _ points: (a: RoundingPoint, b: RoundingPoint)
  ) {
    let arithmetic = arithmetic
    arithmetic.accumulate(A.value.view, points.a, B.value.view, points.b, C.value, update)
    record {
      arithmetic.accumulate(
        C.cotangent.view, .blockCotangents, B.value.transposed.view, points.b, A.cotangent, update)
      arithmetic.accumulate(
        A.value.transposed.view, points.a, C.cotangent.view, .blockCotangents, B.cotangent, update)
    }
  }

  /// C ← C − A. No operation may have read C before.
  package func subtract(_ A: Variable<S>, from C: Variable<S>) {
    for i in 0..<A.rows {
      for j in 0..<A.columns { C.value[i, j] -= A.value[i, j] }
    }
    record {
      for i in 0..<A.rows {
        for j in 0..<A.columns { A.cotangent[i, j] -= C.cotangent[i, j] }
      }
    }
  }

  /// tril(A), or stril(A) without the diagonal.
  func lowerTriangle(_ A: Variable<S>, withDiagonal: Bool) -> Variable<S> {
    @Sendable func mask(_ A: MutableMatrixView<S>) {
      if withDiagonal { keepLowerTriangle(of: A) } else { keepStrictlyLowerTriangle(of: A) }
    }
    let B = Variable(A.value.copy())
    mask(B.value)
    record {
      mask(B.cotangent)
      add(B.cotangent, to: A.cotangent)
    }
    return B
  }

  /// diag(β) A, for a column β.
  package func scaleRows(_ A: Variable<S>, by β: Variable<S>) -> Variable<S> {
    let B = Variable(A.value.copy())
    LinearAlgebra.scaleRows(of: B.value, by: β.value)
    record {
      addRowSums(ofHadamard: B.cotangent, A.value, to: β.cotangent)
      LinearAlgebra.scaleRows(of: B.cotangent, by: β.value)
      add(B.cotangent, to: A.cotangent)
    }
    return B
  }

  /// rowsum(A ∘ B), a column.
  func rowProducts(_ A: Variable<S>, _ B: Variable<S>) -> Variable<S> {
    let c = zeros(A.rows, 1)
    addRowSums(ofHadamard: A.value, B.value, to: c.value)
    record {
      for i in 0..<A.rows {
        for j in 0..<A.columns {
          A.cotangent[i, j] += c.cotangent[i, 0] * B.value[i, j]
          B.cotangent[i, j] += c.cotangent[i, 0] * A.value[i, j]
        }
      }
    }
    return c
  }

  /// factor · A. The pullback multiplies by `backward`, which is the same unless a mistake is to be made.
  package func scale(_ A: Variable<S>, by factor: S, backward: S? = nil) -> Variable<S> {
    entrywise(A, slope: backward ?? factor) { factor * $0 }
  }

  /// A + constant, entry by entry.
  package func shift(_ A: Variable<S>, by constant: S) -> Variable<S> { entrywise(A, slope: .one) { $0 + constant } }

  /// Row t of the result is row t − 1 of A; row 0 is zero.
  func previousRows(_ A: Variable<S>) -> Variable<S> {
    let B = zeros(A.rows, A.columns)
    let count = max(0, A.rows - 1)
    assign(A.value.rows(0..<count), to: B.value.rows(A.rows - count..<A.rows))
    record { add(B.cotangent.rows(A.rows - count..<A.rows), to: A.cotangent.rows(0..<count)) }
    return B
  }

  /// M⁻¹ B for a unit triangular M of which only the entries strictly inside `triangle` are read.
  ///
  /// The adjoint solves with Mᵀ, unless `adjointTransposes` is false, which is a mistake to be made.
  package func solve(
    _ M: Variable<S>, _ triangle: Triangle, _ B: Variable<S>, adjointTransposes: Bool = true
  ) -> Variable<S> {
    let Z = Variable(B.value.copy())
    LinearAlgebra.solve(unitTriangular: M.value, triangle, Z.value)
    arithmetic.round(Z.value)
    let arithmetic = arithmetic
    record {
      let N = Z.cotangent
      if adjointTransposes {
        LinearAlgebra.solve(unitTriangular: M.value.transposed, triangle == .lower ? .upper : .lower, N)
      } else {
        LinearAlgebra.solve(unitTriangular: M.value, triangle, N)
      }
      add(N, to: B.cotangent)
      arithmetic.round(N)
      arithmetic.accumulate(
        N.view, .blockCotangents, Z.value.transposed.view, .blockProducts, M.cotangent, .subtract)
    }
    return Z
  }

  private func entrywise(_ A: Variable<S>, slope: S, _ function: (S) -> S) -> Variable<S> {
    let B = zeros(A.rows, A.columns)
    for i in 0..<A.rows {
      for j in 0..<A.columns { B.value[i, j] = function(A.value[i, j]) }
    }
    record {
      for i in 0..<A.rows {
        for j in 0..<A.columns { A.cotangent[i, j] += slope * B.cotangent[i, j] }
      }
    }
    return B
  }
}
