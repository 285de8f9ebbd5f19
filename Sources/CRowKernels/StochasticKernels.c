#include "StochasticKernels.h"
#include "Processors.h"
#include <string.h>

#define SIGN ((uint64_t)1 << 63)
#define SIGNIFICAND (((uint64_t)1 << 52) - 1)
#define INFINITE ((uint64_t)0x7FF << 52)

#define STOCHASTIC_KERNELS(CLONE) \
  TARGET_##CLONE bool rowRoundStochastically_##CLONE(                                                                  \
      double *x, size_t n, unsigned dropped, uint64_t seed, uint64_t smallestNormal, uint64_t largest) {               \
    const uint64_t mask = ((uint64_t)1 << dropped) - 1;                                                                \
    uint64_t small = 0;                                                                                                \
    for (size_t j = 0; j < n; j++) {                                                                                   \
      uint64_t bits;                                                                                                   \
      memcpy(&bits, x + j, sizeof bits);                                                                               \
      uint64_t magnitude = bits & ~SIGN;                                                                               \
      /* Adding less than one ulp at random carries into the digits that are kept as often as it should. */            \
      uint64_t rounded = (magnitude + (randomBits(magnitude & SIGNIFICAND, seed) & mask)) & ~mask;                     \
      rounded = rounded > largest ? INFINITE : rounded;                                                                \
      /* All of these are below 2⁶³, so that they can be compared as signed numbers, which processors do faster. */    \
      bool stays = (int64_t)magnitude < (int64_t)smallestNormal || (int64_t)magnitude >= (int64_t)INFINITE;            \
      small |= (int64_t)magnitude < (int64_t)smallestNormal ? magnitude : 0;                                           \
      rounded = (bits & SIGN) | (stays ? magnitude : rounded);                                                         \
      memcpy(x + j, &rounded, sizeof rounded);                                                                         \
    }                                                                                                                  \
    return small != 0;                                                                                                 \
  }                                                                                                                    \
                                                                                                                       \
  TARGET_##CLONE void rowPerturbLastDigits_##CLONE(double *x, size_t n, uint64_t seed) {                               \
    for (size_t j = 0; j < n; j++) {                                                                                   \
      uint64_t bits;                                                                                                   \
      memcpy(&bits, x + j, sizeof bits);                                                                               \
      uint64_t random = randomBits(bits & SIGNIFICAND, seed);                                                          \
      /* A last digit that is neither the first nor the last of its binade moves without a carry. */                   \
      uint64_t step = random < UINT64_MAX / 12 ? 1 : random < UINT64_MAX / 6 ? -(uint64_t)1 : 0;                       \
      bool stays = (bits & 0xFFFF) == 0 || (int64_t)(bits & ~SIGN) >= (int64_t)INFINITE;                               \
      bits += stays ? 0 : step;                                                                                        \
      memcpy(x + j, &bits, sizeof bits);                                                                               \
    }                                                                                                                  \
  }

FOR_EVERY_PROCESSOR(STOCHASTIC_KERNELS)

bool rowRoundStochastically(
    double *x, size_t n, unsigned dropped, uint64_t seed, uint64_t smallestNormal, uint64_t largest) {
  return BEST(rowRoundStochastically, x, n, dropped, seed, smallestNormal, largest);
}

void rowPerturbLastDigits(double *x, size_t n, uint64_t seed) { BEST(rowPerturbLastDigits, x, n, seed); }
