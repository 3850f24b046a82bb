// AVX-512 with VNNI and VBMI: Ice Lake, Zen 4 and later. One permutation looks up what takes two shuffles without VBMI.
#if defined(__x86_64__)
#include <immintrin.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("avx512vbmi,avx512vl,avx512dq,avx512vnni"))), \
                             apply_to = function)

#define TABLE ister_kernels_avx512vbmi
#define TABLE_NAME "avx512vbmi"
#define HAS_VBMI 1

#include "../avx512vnni/table_512.inc"

#pragma clang attribute pop
#endif
