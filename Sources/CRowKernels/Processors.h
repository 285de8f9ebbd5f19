#ifndef PROCESSORS_H
#define PROCESSORS_H

#include "Clones.h"

// Every kernel is compiled for several instruction sets, as NAME_baseline, NAME_v3 and NAME_v4 (levels of the x86-64 psABI:
// AVX2 and FMA; AVX-512), and NAME is the best one that the processor has. Other architectures have one.
//
// Choosing at each call costs a look at a flag, a row costs a hundred times that. The compiler's own way (target_clones) does
// it when the program is loaded, where ThreadSanitizer crashes, and gives the clones no names that a test could call.

#if HAS_CLONES
#define TARGET_baseline
#define TARGET_v3 __attribute__((target("arch=x86-64-v3")))
#define TARGET_v4 __attribute__((target("arch=x86-64-v4")))
#define FOR_EVERY_PROCESSOR(KERNELS) KERNELS(baseline) KERNELS(v3) KERNELS(v4)
#define BEST(NAME, ...)                                                                            \
  (processorHas_v4() ? NAME##_v4(__VA_ARGS__)                                                      \
                     : processorHas_v3() ? NAME##_v3(__VA_ARGS__) : NAME##_baseline(__VA_ARGS__))
#else
#define TARGET_baseline
#define FOR_EVERY_PROCESSOR(KERNELS) KERNELS(baseline)
#define BEST(NAME, ...) NAME##_baseline(__VA_ARGS__)
#endif

#endif
