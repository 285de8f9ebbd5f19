#ifndef ROW_KERNELS_H
#define ROW_KERNELS_H

#include "Clones.h"
#include <stddef.h>

// The loops over a row of logits in which attention spends what the matrix products leave: compiled for several
// instruction sets, of which the best one that the processor has is taken at run time.
//
// Sums are taken in 16 interleaved lanes that are added pairwise at the end, whatever the width of a register.

/// rowMaximum: the largest of n ≥ 1 numbers; unspecified if there is a NaN.
///
/// rowExponential: s_j ← exp(s_j − m); returns Σ_j exp(s_j − m).
///
/// For x = s_j − m, rounded, the result is within 1.5 ulp of exp(x) where that is a normal number and x is at most 88 (F32)
/// or 709 (F64); where exp(x) is below the normal range the result is 0, and for x = −∞ too. NaN stays NaN.
///
/// rowMultiplyShifted: p_j ← p_j (x_j − c).
#define ROW_KERNEL_DECLARATIONS(CLONE)                                                   \
  float rowMaximumF32##CLONE(const float *s, size_t n);                                  \
  double rowMaximumF64##CLONE(const double *s, size_t n);                                \
  float rowExponentialF32##CLONE(float *s, size_t n, float m);                           \
  double rowExponentialF64##CLONE(double *s, size_t n, double m);                        \
  void rowMultiplyShiftedF32##CLONE(float *p, const float *x, size_t n, float c);        \
  void rowMultiplyShiftedF64##CLONE(double *p, const double *x, size_t n, double c);

DECLARE_CLONES(ROW_KERNEL_DECLARATIONS)

#endif
