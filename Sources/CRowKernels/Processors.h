#ifndef PROCESSORS_H
#define PROCESSORS_H

// Compiled for several instruction sets, of which the best one that the processor has is taken at run time.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EVERY_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EVERY_PROCESSOR
#endif

#endif
