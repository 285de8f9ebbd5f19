#include "RowKernels.h"
#include "Processors.h"
#include <stdint.h>
#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

// exp(x) = 2^k exp(r), with k the integer nearest to x / ln 2 and r = x − k ln 2 in two steps (Cody and Waite): the upper
// part of ln 2 has so few digits that its product with k is exact. |r| ≤ ln 2 / 2, up to rounding, so that the Taylor
// polynomial of degree 7 (13) is off by at most r⁸/8! = 5.2e-9 (r¹⁴/14! = 4.2e-18), a tenth (a twentieth) of the unit
// roundoff, relatively. Adding and subtracting 1.5 · 2^(digits − 1) rounds to an integer, which is then found in the low
// bits.

INLINE float exponentialF32(float x) {
  const float shift = 0x1.8p23f;
  float t = x * 0x1.715476p0f + shift;
  float k = t - shift;
  float r = (x - k * 0x1.63p-1f) - k * -0x1.bd0106p-13f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1;
  p = p * r + 1;
  int32_t bits;
  memcpy(&bits, &t, sizeof bits);
  bits = (int32_t)((uint32_t)bits + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  float e = p * power;
  return x < -0x1.5d589ep6f ? 0 : e;
}

INLINE double exponentialF64(double x) {
  const double shift = 0x1.8p52;
  double t = x * 0x1.71547652b82fep0 + shift;
  double k = t - shift;
  double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  int64_t bits;
  memcpy(&bits, &t, sizeof bits);
  bits = (int64_t)((uint64_t)bits + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  double e = p * power;
  return x < -0x1.6232bdd7abcd2p9 ? 0 : e;
}

#define ROW_KERNELS(REAL, SUFFIX, CLONE)                                              \
  TARGET_##CLONE REAL rowMaximum##SUFFIX##_##CLONE(const REAL *s, size_t n) {              \
    REAL lane[LANES];                                                                 \
    for (size_t l = 0; l < LANES; l++) lane[l] = s[l < n ? l : 0];                    \
    size_t j = 0;                                                                     \
    for (; j + LANES <= n; j += LANES)                                                \
      for (size_t l = 0; l < LANES; l++) lane[l] = s[j + l] > lane[l] ? s[j + l] : lane[l]; \
    REAL m = lane[0];                                                                 \
    for (size_t l = 1; l < LANES; l++) m = lane[l] > m ? lane[l] : m;                 \
    for (; j < n; j++) m = s[j] > m ? s[j] : m;                                       \
    return m;                                                                         \
  }                                                                                   \
                                                                                      \
  TARGET_##CLONE REAL rowExponential##SUFFIX##_##CLONE(REAL *s, size_t n, REAL m) {        \
    REAL lane[LANES] = {0};                                                           \
    size_t j = 0;                                                                     \
    for (; j + LANES <= n; j += LANES)                                                \
      for (size_t l = 0; l < LANES; l++) {                                            \
        REAL e = exponential##SUFFIX(s[j + l] - m);                                   \
        s[j + l] = e;                                                                 \
        lane[l] += e;                                                                 \
      }                                                                               \
    for (size_t l = 0; j < n; j++, l++) {                                             \
      s[j] = exponential##SUFFIX(s[j] - m);                                           \
      lane[l] += s[j];                                                                \
    }                                                                                 \
    for (size_t half = LANES / 2; half > 0; half /= 2)                                \
      for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];                    \
    return lane[0];                                                                   \
  }                                                                                   \
                                                                                      \
  TARGET_##CLONE void rowMultiplyShifted##SUFFIX##_##CLONE(                                \
      REAL *restrict p, const REAL *restrict x, size_t n, REAL c) {                   \
    for (size_t j = 0; j < n; j++) p[j] *= x[j] - c;                                  \
  }

#define BOTH_KERNELS(CLONE) ROW_KERNELS(float, F32, CLONE) ROW_KERNELS(double, F64, CLONE)
FOR_EVERY_PROCESSOR(BOTH_KERNELS)

#define BEST_KERNELS(REAL, SUFFIX)                                                    \
  REAL rowMaximum##SUFFIX(const REAL *s, size_t n) { return BEST(rowMaximum##SUFFIX, s, n); } \
  REAL rowExponential##SUFFIX(REAL *s, size_t n, REAL m) { return BEST(rowExponential##SUFFIX, s, n, m); } \
  void rowMultiplyShifted##SUFFIX(REAL *p, const REAL *x, size_t n, REAL c) {         \
    BEST(rowMultiplyShifted##SUFFIX, p, x, n, c);                                     \
  }

BEST_KERNELS(float, F32)
BEST_KERNELS(double, F64)
