#ifndef ROW_KERNELS_H
#define ROW_KERNELS_H

#include <stddef.h>

// The loops over a row of logits in which attention spends what the matrix products leave: compiled for several
// instruction sets, of which the best one that the processor has is taken at run time.
//
// Sums are taken in 16 interleaved lanes that are added pairwise at the end, whatever the width of a register.

/// The largest of n ≥ 1 numbers; unspecified if there is a NaN.
float rowMaximumF32(const float *s, size_t n);
double rowMaximumF64(const double *s, size_t n);

/// s_j ← exp(s_j − m); returns Σ_j exp(s_j − m).
///
/// For x = s_j − m, rounded, the result is within 1.5 ulp of exp(x) where that is a normal number and x is at most 88 (F32)
/// or 709 (F64); where exp(x) is below the normal range the result is 0, and for x = −∞ too. NaN stays NaN.
float rowExponentialF32(float *s, size_t n, float m);
double rowExponentialF64(double *s, size_t n, double m);

/// p_j ← p_j (x_j − c).
void rowMultiplyShiftedF32(float *p, const float *x, size_t n, float c);
void rowMultiplyShiftedF64(double *p, const double *x, size_t n, double c);

#endif
