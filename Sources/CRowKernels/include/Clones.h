#ifndef CLONES_H
#define CLONES_H

#include <stdbool.h>

// Which instruction sets the kernels are compiled for besides the baseline.

#if defined(__x86_64__) && defined(__linux__)
#define HAS_CLONES 1
/// Whether the processor has AVX2, FMA and what else belongs to level 3 of x86-64.
static inline bool processorHas_v3(void) { return __builtin_cpu_supports("x86-64-v3"); }
/// Whether it has AVX-512 as level 4 asks for.
static inline bool processorHas_v4(void) { return __builtin_cpu_supports("x86-64-v4"); }
#define DECLARE_CLONES(DECLARATIONS) DECLARATIONS() DECLARATIONS(_baseline) DECLARATIONS(_v3) DECLARATIONS(_v4)
#else
#define HAS_CLONES 0
#define DECLARE_CLONES(DECLARATIONS) DECLARATIONS() DECLARATIONS(_baseline)
#endif

#endif
