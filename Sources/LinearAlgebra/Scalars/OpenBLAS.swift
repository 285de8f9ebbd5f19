import COpenBLAS
import RealModule

// `Float` and `Double` as scalars: matrix operations go to OpenBLAS, rows to loops that the compiler may reassociate and
// so vectorise. This is the only file that knows of OpenBLAS.

extension Float: Scalar {
  /// Σ_i x_i y_i in an unspecified order.
  @inlinable
  public static func dot(_ x: UnsafeBufferPointer<Float>, _ y: UnsafeBufferPointer<Float>) -> Float {
    relaxedDot(x, y)
  }

  /// Σ_i x_i in an unspecified order.
  @inlinable
  public static func sum(_ x: UnsafeBufferPointer<Float>) -> Float { relaxedSum(x) }

  /// The product by `cblas_sgemm`.
  public static func multiply(
    _ A: MatrixView<Float>, _ B: MatrixView<Float>, into C: MutableMatrixView<Float>, _ update: ProductUpdate
  ) {
    gemm(cblas_sgemm, A, B, C, update)
  }

  /// The solve by `cblas_strsm`.
  public static func solve(unitTriangular M: MatrixView<Float>, _ triangle: Triangle, _ B: MutableMatrixView<Float>) {
    trsm(cblas_strsm, M, triangle, B)
  }
}

extension Double: Scalar {
  /// Σ_i x_i y_i in an unspecified order.
  @inlinable
  public static func dot(_ x: UnsafeBufferPointer<Double>, _ y: UnsafeBufferPointer<Double>) -> Double {
    relaxedDot(x, y)
  }

  /// Σ_i x_i in an unspecified order.
  @inlinable
  public static func sum(_ x: UnsafeBufferPointer<Double>) -> Double { relaxedSum(x) }

  /// The product by `cblas_dgemm`.
  public static func multiply(
    _ A: MatrixView<Double>, _ B: MatrixView<Double>, into C: MutableMatrixView<Double>, _ update: ProductUpdate
  ) {
    gemm(cblas_dgemm, A, B, C, update)
  }

  /// The solve by `cblas_dtrsm`.
  public static func solve(unitTriangular M: MatrixView<Double>, _ triangle: Triangle, _ B: MutableMatrixView<Double>) {
    trsm(cblas_dtrsm, M, triangle, B)
  }
}

@inlinable @inline(__always)
func relaxedDot<R: Real>(_ x: UnsafeBufferPointer<R>, _ y: UnsafeBufferPointer<R>) -> R {
  var sum = R.zero
  for i in 0..<x.count { sum = Relaxed.multiplyAdd(x[i], y[i], sum) }
  return sum
}

@inlinable @inline(__always)
func relaxedSum<R: Real>(_ x: UnsafeBufferPointer<R>) -> R {
  var sum = R.zero
  for i in 0..<x.count { sum = Relaxed.sum(sum, x[i]) }
  return sum
}

/// OpenBLAS's own threads are switched off before its first call: blocks of work are spread over the cores above it,
/// where the work is known.
private let singleThreaded: Void = openblas_set_num_threads(1)

private typealias Gemm<S> = (
  CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, S, UnsafePointer<S>?, blasint,
  UnsafePointer<S>?, blasint, S, UnsafeMutablePointer<S>?, blasint
) -> Void

private typealias Trsm<S> = (
  CBLAS_ORDER, CBLAS_SIDE, CBLAS_UPLO, CBLAS_TRANSPOSE, CBLAS_DIAG, blasint, blasint, S, UnsafePointer<S>?, blasint,
  UnsafeMutablePointer<S>?, blasint
) -> Void

private func gemm<S: Scalar>(
  _ routine: Gemm<S>, _ A: MatrixView<S>, _ B: MatrixView<S>, _ C: MutableMatrixView<S>, _ update: ProductUpdate
) {
  _ = singleThreaded
  let c = BLASLayout(C.view)
  // A transposed result is the product of the transposes in the other order: Cᵀ = Bᵀ Aᵀ.
  if c.transpose == CblasTrans { return gemm(routine, B.transposed, A.transposed, C.transposed, update) }
  let a = BLASLayout(A)
  let b = BLASLayout(B)
  routine(
    CblasRowMajor, a.transpose, b.transpose, blasint(C.rows), blasint(C.columns), blasint(A.columns),
    update == .subtract ? -S.one : S.one, A.base, a.leadingDimension, B.base, b.leadingDimension,
    update == .replace ? S.zero : S.one, C.base, c.leadingDimension)
}

private func trsm<S: Scalar>(
  _ routine: Trsm<S>, _ M: MatrixView<S>, _ triangle: Triangle, _ B: MutableMatrixView<S>
) {
  _ = singleThreaded
  let m = BLASLayout(M)
  let b = BLASLayout(B.view)
  // BLAS names the triangle of the matrix in memory, and a transposed B is solved from the right: (M⁻¹ B)ᵀ = Bᵀ M⁻ᵀ.
  let isLowerInMemory = (triangle == .lower) == (m.transpose == CblasNoTrans)
  let fromRight = b.transpose == CblasTrans
  let isTransposed = (m.transpose == CblasTrans) != fromRight
  routine(
    CblasRowMajor, fromRight ? CblasRight : CblasLeft, isLowerInMemory ? CblasLower : CblasUpper,
    isTransposed ? CblasTrans : CblasNoTrans, CblasUnit,
    blasint(fromRight ? B.columns : B.rows), blasint(fromRight ? B.rows : B.columns), S.one,
    M.base, m.leadingDimension, B.base, b.leadingDimension)
}

/// How BLAS sees a view: as a row-major matrix or as the transpose of one.
private struct BLASLayout {
  let transpose: CBLAS_TRANSPOSE
  let leadingDimension: blasint

  init<S>(_ view: MatrixView<S>) {
    // With one row or one column a stride is never used, and BLAS still wants a leading dimension that would fit.
    if view.columnStride == 1 {
      transpose = CblasNoTrans
      leadingDimension = blasint(max(1, view.columns, view.rows > 1 ? view.rowStride : 1))
    } else {
      precondition(view.rowStride == 1 || view.rows == 1, "a view with two strides has no BLAS layout")
      transpose = CblasTrans
      leadingDimension = blasint(max(1, view.rows, view.columns > 1 ? view.columnStride : 1))
    }
  }
}
