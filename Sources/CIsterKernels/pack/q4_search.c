// Search of a Q4 row of one chunk: scale d, and per sub-block a sub-scale s and a table t.
//
// Any (d, s, t) gives the nearest codes and so an error. Candidates of d span the useful range; for each d every
// sub-block takes the (s, t) of least error; the best d is then refitted by least squares.
//
// The inner loop is integer on 16 lanes, so it needs no instruction set beyond the baseline and gives the same
// choice everywhere: y = x / d in 1/128, z = y / s in 1/8 saturated to 8 bits. Thresholds between codes are
// multiples of 1/2.
#include <float.h>
#include <math.h>
#include <string.h>

#include "pack.h"

typedef int8_t bytes_t __attribute__((vector_size(16)));
typedef int16_t shorts_t __attribute__((vector_size(32)));
typedef int32_t words_t __attribute__((vector_size(64)));

#define INLINE static inline __attribute__((always_inline))

enum {
  Y_UNIT = 128,
  Z_UNIT = 8,
  ROOT_ONE = 32767,  // square root of the largest importance
  LOWEST = -8,       // sub-scales
  HIGHEST = 7,
};

#ifndef ISTER_Q4_CANDIDATES
#define ISTER_Q4_CANDIDATES 10
#endif
#ifndef Q4_LOW
#define Q4_LOW 0.8f
#define Q4_HIGH 1.7f
#define Q4_SMALL 0.85f
#define Q4_LARGE 1.2f
#endif

/// A chunk under search. Rows of 16 columns; values scaled by a power of two so that the largest is in 1/2..1.
typedef struct {
  size_t columns;
  float x[ISTER_CHUNK];
  float weight[ISTER_CHUNK];
  int16_t root[ISTER_CHUNK];
  float high[ISTER_SUBBLOCKS], low[ISTER_SUBBLOCKS];  // largest x and largest -x of a sub-block, at least 0
} chunk_t;

typedef struct {
  float scale, cost;
  int8_t subscale[ISTER_SUBBLOCKS];
  uint8_t table[ISTER_SUBBLOCKS];
} choice_t;

float ister_round_bf16(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/// Codebook values nearest to z, for a table known at compile time.
INLINE bytes_t nearest(bytes_t z, const int table) {
  const int8_t *c = ister_q4_codebook[table];
  bytes_t v = (bytes_t){} + c[0];
#pragma clang loop unroll(full)
  for (int u = 1; u < 16; u++) {
    const int8_t threshold = (int8_t)((c[u - 1] + c[u]) * (Z_UNIT / 2)), step = (int8_t)(c[u] - c[u - 1]);
    const bytes_t above = z > (bytes_t){} + (int8_t)(threshold - 1);
    v += step == 1 ? -above : above & step;
  }
  return v;
}

/// Weighted squared error of 16 columns under (s, table), in units of the chunk.
INLINE float block_cost(shorts_t y, shorts_t root, int s, const int table) {
  const int16_t inverse = (int16_t)(Y_UNIT * 0 + 65536 * Z_UNIT / Y_UNIT / s);
  words_t wide = __builtin_convertvector(y, words_t) * (int32_t)inverse >> 16;
  wide = __builtin_elementwise_min(__builtin_elementwise_max(wide, (words_t){} - 128), (words_t){} + 127);
  const bytes_t v = nearest(__builtin_convertvector(wide, bytes_t), table);
  shorts_t e = y - __builtin_convertvector(v, shorts_t) * (int16_t)(s * Y_UNIT);
  e = __builtin_convertvector(__builtin_convertvector(e, words_t) * __builtin_convertvector(root, words_t) >> 16, shorts_t);
  const words_t square = __builtin_convertvector(e, words_t) * __builtin_convertvector(e, words_t);
  return (float)__builtin_reduce_add(square >> 2);
}

/// The best (s, table) of one sub-block for the given d.
INLINE float choose_block(const chunk_t *chunk, size_t g, float inverse_scale, int8_t *subscale, uint8_t *table) {
  shorts_t y, root;
  int16_t lanes[ISTER_SUBBLOCK];
  const float *x = chunk->x + g * ISTER_SUBBLOCK;
  const float unit = inverse_scale * Y_UNIT;
  for (int i = 0; i < ISTER_SUBBLOCK; i++) {
    const float t = x[i] * unit;
    lanes[i] = (int16_t)(t + (t < 0 ? -0.5f : 0.5f));
  }
  memcpy(&y, lanes, sizeof y);
  memcpy(&root, chunk->root + g * ISTER_SUBBLOCK, sizeof root);
  float best = INFINITY;
  for (int t = 0; t < 2; t++)
    for (int sign = -1; sign <= 1; sign += 2) {
      const float up = (sign > 0 ? chunk->high[g] : chunk->low[g]) / (float)ister_q4_codebook[t][15];
      const float down = (sign > 0 ? chunk->low[g] : chunk->high[g]) / (float)-ister_q4_codebook[t][0];
      const float ideal = (up > down ? up : down) * inverse_scale;
      const int most = sign > 0 ? HIGHEST : -LOWEST;
      int first = (int)(ideal * Q4_SMALL), last = (int)(ideal * Q4_LARGE) + 1;
      first = first < 1 ? 1 : first > most ? most : first;
      last = last > most ? most : last;
      for (int s = first; s <= last; s++) {
        const float cost = t == 0 ? block_cost(y, root, s * sign, 0) : block_cost(y, root, s * sign, 1);
        if (cost < best) best = cost, *subscale = (int8_t)(s * sign), *table = (uint8_t)t;
      }
    }
  return best;
}

/// Best sub-scales for d = scale; cost in units of x squared.
static void choose(const chunk_t *chunk, float scale, choice_t *choice) {
  float total = 0;
  const float inverse = 1 / scale;
  for (size_t g = 0; g < chunk->columns / ISTER_SUBBLOCK; g++)
    total += choose_block(chunk, g, inverse, &choice->subscale[g], &choice->table[g]);
  choice->scale = scale;
  choice->cost = total * scale * scale;
}

/// Nearest codes of a sub-block, exactly; zeros for a sub-block without any code but zero.
static void encode_block(const float *x, float step, int t, uint8_t *code) {
  float z[ISTER_SUBBLOCK];
  const float inverse = 1 / step;
  for (int i = 0; i < ISTER_SUBBLOCK; i++) z[i] = x[i] * inverse, code[i] = 0;
  for (int u = 1; u < 16; u++) {
    const float threshold = 0.5f * (float)(ister_q4_codebook[t][u - 1] + ister_q4_codebook[t][u]);
    for (int i = 0; i < ISTER_SUBBLOCK; i++) code[i] = (uint8_t)(code[i] + (z[i] > threshold));
  }
}

static void encode(const chunk_t *chunk, const choice_t *choice, ister_q4_row *row) {
  row->scale = choice->scale;
  for (size_t g = 0; g < chunk->columns / ISTER_SUBBLOCK; g++) {
    uint8_t *code = row->code + g * ISTER_SUBBLOCK, used = 0;
    encode_block(chunk->x + g * ISTER_SUBBLOCK, choice->scale * choice->subscale[g], choice->table[g], code);
    for (int i = 0; i < ISTER_SUBBLOCK; i++) used |= code[i] ^ ISTER_Q4_ZERO;
    row->subscale[g] = used ? choice->subscale[g] : 0;
    row->table[g] = used ? choice->table[g] : 0;
  }
}

/// The d of least error for the codes of row, or 0 if there is none.
static float refit(const chunk_t *chunk, const ister_q4_row *row) {
  float wxq = 0, wqq = 0;
  for (size_t i = 0; i < chunk->columns; i++) {
    const size_t g = i / ISTER_SUBBLOCK;
    const float q = (float)(row->subscale[g] * ister_q4_codebook[row->table[g]][row->code[i]]);
    const float wq = chunk->weight[i] * q;
    wxq += wq * chunk->x[i];
    wqq += wq * q;
  }
  return wxq > 0 && wqq > 0 ? ister_round_bf16(wxq / wqq) : 0;
}

static void load(const float *x, const float *importance, size_t columns, float unit, chunk_t *chunk) {
  float most = 0;
  chunk->columns = columns;
  if (importance)
    for (size_t i = 0; i < columns; i++) most = importance[i] > most ? importance[i] : most;
  for (size_t i = 0; i < columns; i++) {
    chunk->x[i] = x[i] * unit;
    const float weight = most > 0 ? importance[i] / most : 1;
    chunk->weight[i] = weight;
    chunk->root[i] = (int16_t)(most > 0 ? sqrtf(weight) * ROOT_ONE : ROOT_ONE);
  }
  for (size_t g = 0; g < columns / ISTER_SUBBLOCK; g++) {
    float high = 0, low = 0;
    for (size_t i = g * ISTER_SUBBLOCK; i < (g + 1) * ISTER_SUBBLOCK; i++) {
      high = chunk->x[i] > high ? chunk->x[i] : high;
      low = -chunk->x[i] > low ? -chunk->x[i] : low;
    }
    chunk->high[g] = high, chunk->low[g] = low;
  }
}

void ister_q4_search(const float *x, const float *importance, size_t columns, ister_q4_row *row) {
  float amax = 0;
  for (size_t i = 0; i < columns; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
  memset(row, 0, sizeof *row);
  memset(row->code, ISTER_Q4_ZERO, sizeof row->code);
  // Below this d would be no normal float.
  if (!(amax >= 256 * FLT_MIN)) return;
  int exponent;
  amax = frexpf(amax, &exponent);
  chunk_t chunk;
  load(x, importance, columns, ldexpf(1, -exponent), &chunk);
  choice_t best = {.cost = INFINITY}, next;
  for (int k = 0; k < ISTER_Q4_CANDIDATES; k++) {
    const float part = Q4_LOW + (Q4_HIGH - Q4_LOW) * (float)k / (ISTER_Q4_CANDIDATES - 1);
    choose(&chunk, ister_round_bf16(amax / 105 * part), &next);
    if (next.cost < best.cost) best = next;
  }
  encode(&chunk, &best, row);
  for (int again = 0; again < 2; again++) {
    const float scale = refit(&chunk, row);
    if (scale == 0 || scale == best.scale) break;
    choose(&chunk, scale, &next);
    if (next.cost >= best.cost) break;
    best = next;
    encode(&chunk, &best, row);
  }
  row->scale = ldexpf(best.scale, exponent);
}
