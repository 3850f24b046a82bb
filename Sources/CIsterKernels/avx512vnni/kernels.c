// AVX-512 with VNNI, without VBMI: Cascade Lake and Cooper Lake.
#if defined(__x86_64__)
#include <immintrin.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), \
                             apply_to = function)

#define TABLE ister_kernels_avx512vnni
#define TABLE_NAME "avx512vnni"
#define HAS_VBMI 0

#include "table_512.inc"

#pragma clang attribute pop
#endif
