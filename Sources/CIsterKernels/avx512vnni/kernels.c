// AVX-512 with VNNI (Cascade Lake, Ice Lake, Zen 4 and later).
#if defined(__x86_64__)
#include <immintrin.h>

#include "ister_codebook.h"
#include "ister_kernels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c"))), \
                             apply_to = function)

// 32 registers: eight accumulators hide the latency of a multiply-add and leave room for loads.
#define HARDWARE_HALF 1
#define TOKEN_TILE 8
#define QUERY_TILE 8
#define VALUE_ACCUMULATORS 16
#define TABLE ister_kernels_avx512vnni
#define TABLE_NAME "avx512vnni"

/// How far ahead decode prefetches: 4 to 8 KiB measured best on Intel's Emerald Rapids. 4-bit weights go to the first
/// level: on Zen 4 a prefetch into the second level from there on costs more than half of the speed (11.8 GB/s a core,
/// 26.8 into the first level, 27.1 without prefetch); 8-bit weights 26.8 into the second, 25.5 into the first.
#define PREFETCH_BYTES 6144

#include "../portable/lanes.h"

#include "../portable/elementwise.inc"

#include "../portable/matmul_f32.inc"

#define PEAK_VECTOR __m512i
#define PEAK_REGISTER "v"
#define PEAK_PRODUCTS 64
ISTER_INLINE __m512i dot_registers(__m512i sum, __m512i w, __m512i x) {
  return _mm512_dpbusd_epi32(sum, w, x);
}

#include "../portable/integer_peak.inc"

#include "matmul_512.inc"

#include "matmul_groups.inc"

#include "matmul_tiled.inc"

#include "quads_512.inc"

#include "../portable/cache.inc"

#include "../portable/attention.inc"

#include "../portable/table.inc"

#pragma clang attribute pop
#endif
