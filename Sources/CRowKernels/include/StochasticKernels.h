#ifndef STOCHASTIC_KERNELS_H
#define STOCHASTIC_KERNELS_H

#include "Clones.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Stochastic rounding of rows, which is what the emulation of another arithmetic spends its time with. What is random is a
// hash of the seed and the digits of a number, so that equal numbers are rounded alike.

/// 64 bits that look random, from the digits of a number: the output function of SplitMix64 (Steele, Lea and Flood 2014).
static inline __attribute__((always_inline)) uint64_t randomBits(uint64_t digits, uint64_t seed) {
  uint64_t z = digits + seed;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// rowRoundStochastically: rounds to numbers that have `dropped` binary digits less, up or down with probabilities that leave
/// the mean. Numbers below `smallestNormal` and those that are not finite stay as they are, numbers that would be larger than
/// `largest` become infinite; both are given by the bits of a positive double. Returns whether a number other than 0 is below
/// `smallestNormal`.
///
/// rowPerturbLastDigits: moves each number to the next larger or smaller one in size, with a probability of 1/12 for either,
/// unless it is not finite or its last 16 binary digits are zero.
#define STOCHASTIC_KERNEL_DECLARATIONS(CLONE)                                                                  \
  bool rowRoundStochastically##CLONE(                                                                          \
      double *x, size_t n, unsigned dropped, uint64_t seed, uint64_t smallestNormal, uint64_t largest);        \
  void rowPerturbLastDigits##CLONE(double *x, size_t n, uint64_t seed);

DECLARE_CLONES(STOCHASTIC_KERNEL_DECLARATIONS)

#endif
