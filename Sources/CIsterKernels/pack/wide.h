#ifndef ISTER_PACK_WIDE_H
#define ISTER_PACK_WIDE_H

/// A function that is compiled for several instruction sets and chosen when the program starts. Its arithmetic is the
/// same in all of them: independent lanes, multiplications and additions as written, no contraction.
#if defined(__x86_64__) && defined(__linux__)
#define ISTER_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ISTER_WIDE
#endif

/// 16 floats or 8 doubles: a cache line. Wider than some registers, which then take it in parts.
typedef float ister_floats __attribute__((vector_size(64)));
typedef double ister_doubles __attribute__((vector_size(64)));

#endif
