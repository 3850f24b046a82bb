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

#include "lanes.h"
#include "pack.h"

enum {
  Y_UNIT = 128,
  Y_MOST = 140 * Y_UNIT,  // 16 squares of half of this fit 32 bits
  Z_UNIT = 8,
  ROOT_ONE = 32767,  // square root of the largest importance
  LOWEST = -8,       // sub-scales
  HIGHEST = 7,
  MOST_SUBSCALES = 8,  // tried of one sign
  CANDIDATES = 12,     // of d; twice as many gain 0.02 dB
  REFITS = 2,
};

/// Candidates of d, as parts of the d whose s = 7 just reaches the largest value.
static const float FIRST_PART = 0.84f, LAST_PART = 1.55f;
/// Range of s worth trying, as parts of the s that just reaches a sub-block's ends. The upper part is far out
/// since the end that binds is often a lonely one.
static const float SMALLEST_PART = 0.85f, LARGEST_PART = 1.5f;
/// Largest d, a bf16: 120 * d is finite.
static const float LARGEST_SCALE = 0x1.0ep+121f;

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

/// To nearest, ties to even; f finite and below the largest bf16.
static float round_bf16(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/// Codebook values nearest to z, for a table known at compile time.
ISTER_INLINE ister_bytes nearest(ister_bytes z, const int table) {
  const int8_t *c = ister_q4_codebook[table];
  ister_bytes above[6] = {};  // minus the count of passed thresholds, by the step that follows them
#pragma clang loop unroll(full)
  for (int u = 1; u < 16; u++) {
    const int8_t threshold = (int8_t)((c[u - 1] + c[u]) * (Z_UNIT / 2));
    above[c[u] - c[u - 1]] += z > (ister_bytes){} + (int8_t)(threshold - 1);
  }
  ister_bytes v = (ister_bytes){} + c[0] - above[1];
  const ister_bytes two = above[2] + above[2], three = above[3] + above[3] + above[3];
  const ister_bytes five = above[5] + above[5] + above[5] + above[5] + above[5];
  return v - two - three - five;
}

/// 16 columns: y and the roots of their weights.
typedef struct {
  ister_shorts y[2], root[2];
} block_t;

/// 65536 / s in units of z over units of y, rounded towards 0.
static const int16_t inverses[16] = {-512, -585, -682, -819, -1024, -1365, -2048, -4096, 0,
                                     4096, 2048, 1365, 1024, 819,   682,   585};

/// Weighted squared error of a block under (s, table).
ISTER_INLINE int32_t block_cost(const block_t *block, int s, const int table) {
  const ister_shorts inverse = (ister_shorts){} + inverses[s - LOWEST];
  const ister_shorts step = (ister_shorts){} + (int16_t)(s * Y_UNIT);
  const ister_bytes z =
      ister_saturate(ister_multiply_high(block->y[0], inverse), ister_multiply_high(block->y[1], inverse));
  ister_shorts low, high;
  ister_widen(nearest(z, table), &low, &high);
  return ister_square_sum(ister_multiply_high(block->y[0] - low * step, block->root[0]),
                          ister_multiply_high(block->y[1] - high * step, block->root[1]));
}

/// Appends the sub-scales of one sign worth trying; returns the new count.
ISTER_INLINE int append_subscales(float up, float down, int most, int sign, int8_t *list, int count) {
  const float ideal = up > down ? up : down;
  int first = (int)(ideal * SMALLEST_PART + 0.9f), last = (int)(ideal * LARGEST_PART + 0.5f);
  first = first < 1 ? 1 : first > most ? most : first;
  last = last > most ? most : last < first ? first : last;
  for (int i = 0; i < MOST_SUBSCALES; i++) list[count + i] = (int8_t)(sign * (first + i));
  return count + last - first + 1;
}

typedef struct {
  int32_t cost;
  int8_t subscale;
  uint8_t table;
} pick_t;

/// The better of best and the sub-scales worth trying with one table; high, low: the block's ends over d.
ISTER_INLINE pick_t choose_subscale(const block_t *block, float high, float low, const int table, pick_t best) {
  const float top = 1.0f / (float)ister_q4_codebook[table][15], bottom = -1.0f / (float)ister_q4_codebook[table][0];
  int8_t list[2 * MOST_SUBSCALES];
  int count = append_subscales(high * top, low * bottom, HIGHEST, 1, list, 0);
  count = append_subscales(low * top, high * bottom, -LOWEST, -1, list, count);
  for (int i = 0; i < count; i++) {
    const int32_t cost = block_cost(block, list[i], table);
    best.subscale = cost < best.cost ? list[i] : best.subscale;
    best.table = cost < best.cost ? table : best.table;
    best.cost = cost < best.cost ? cost : best.cost;
  }
  return best;
}

/// The best (s, table) of one sub-block for the given d; high, low: its largest x and largest -x.
static pick_t choose_block(const float *x, const int16_t *root, float high, float low, float inverse_scale) {
  block_t block;
  int16_t lanes[ISTER_SUBBLOCK];
  for (int i = 0; i < ISTER_SUBBLOCK; i++) {
    // In this order: the two factors' product may be infinite.
    float t = x[i] * inverse_scale * Y_UNIT;
    t = t > Y_MOST ? Y_MOST : t < -Y_MOST ? -Y_MOST : t;
    lanes[i] = (int16_t)(t + (t < 0 ? -0.5f : 0.5f));
  }
  memcpy(block.y, lanes, sizeof block.y);
  memcpy(block.root, root, sizeof block.root);
  high *= inverse_scale, low *= inverse_scale;
  const pick_t best = choose_subscale(&block, high, low, 0, (pick_t){INT32_MAX, 1, 0});
  return choose_subscale(&block, high, low, 1, best);
}

/// Best sub-scales for d = scale; cost in units of x squared.
static void choose(const chunk_t *chunk, float scale, choice_t *choice) {
  float total = 0;
  const float inverse = 1 / scale;
  for (size_t g = 0; g < chunk->columns / ISTER_SUBBLOCK; g++) {
    const size_t start = g * ISTER_SUBBLOCK;
    const pick_t pick =
        choose_block(chunk->x + start, chunk->root + start, chunk->high[g], chunk->low[g], inverse);
    choice->subscale[g] = pick.subscale, choice->table[g] = pick.table;
    total += (float)pick.cost;
  }
  choice->scale = scale;
  choice->cost = total * scale * scale;
}

/// Nearest codes of a sub-block in units of `step`, exactly.
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
  return wxq > 0 && wqq > 0 ? round_bf16(wxq / wqq) : 0;
}

/// Square roots of weights in 0..ROOT_ONE; most: the largest importance, or 0 for equal weights.
static void load_roots(const float *importance, float most, size_t count, float *weight, int16_t *root) {
  for (size_t i = 0; i < count; i++) {
    weight[i] = most > 0 ? importance[i] / most : 1;
    root[i] = (int16_t)(most > 0 ? sqrtf(weight[i]) * ROOT_ONE : ROOT_ONE);
  }
}

/// Largest x and largest -x of a sub-block, at least 0.
static void find_ends(const float *x, float *high, float *low) {
  *high = *low = 0;
  for (int i = 0; i < ISTER_SUBBLOCK; i++) {
    *high = x[i] > *high ? x[i] : *high;
    *low = -x[i] > *low ? -x[i] : *low;
  }
}

static float largest(const float *x, size_t count) {
  float most = 0;
  for (size_t i = 0; i < count; i++) most = x[i] > most ? x[i] : most;
  return most;
}

static void load(const float *x, const float *importance, size_t columns, float unit, chunk_t *chunk) {
  chunk->columns = columns;
  for (size_t i = 0; i < columns; i++) chunk->x[i] = x[i] * unit;
  load_roots(importance, importance ? largest(importance, columns) : 0, columns, chunk->weight, chunk->root);
  for (size_t g = 0; g < columns / ISTER_SUBBLOCK; g++)
    find_ends(chunk->x + g * ISTER_SUBBLOCK, &chunk->high[g], &chunk->low[g]);
}

void ister_q4_choose(const float *x, const float *importance, float scale, int8_t *subscale, uint8_t *table) {
  float weight[ISTER_SUBBLOCK], high, low;
  int16_t root[ISTER_SUBBLOCK];
  load_roots(importance, largest(importance, ISTER_SUBBLOCK), ISTER_SUBBLOCK, weight, root);
  find_ends(x, &high, &low);
  const pick_t pick = choose_block(x, root, high, low, 1 / scale);
  *subscale = pick.subscale, *table = pick.table;
}

void ister_q4_search(const float *x, const float *importance, size_t columns, ister_q4_row *row) {
  float amax = 0;
  for (size_t i = 0; i < columns; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
  memset(row, 0, sizeof *row);
  memset(row->code, ISTER_Q4_ZERO, sizeof row->code);
  if (!(amax >= ISTER_Q4_SMALLEST)) return;
  int exponent;
  amax = frexpf(amax, &exponent);
  chunk_t chunk;
  load(x, importance, columns, ldexpf(1, -exponent), &chunk);
  const float most = ldexpf(LARGEST_SCALE, -exponent), least = amax / 1024;
  choice_t best = {.cost = INFINITY}, next;
  for (int k = 0; k < CANDIDATES; k++) {
    const float part = FIRST_PART + (LAST_PART - FIRST_PART) * (float)k / (CANDIDATES - 1);
    const float scale = round_bf16(amax / (HIGHEST * ISTER_Q4_CODEBOOK_MAX) * part);
    choose(&chunk, scale < most ? scale : most, &next);
    if (next.cost < best.cost) best = next;
  }
  encode(&chunk, &best, row);
  for (int again = 0; again < REFITS; again++) {
    const float scale = refit(&chunk, row);
    if (!(scale >= least && scale <= most) || scale == best.scale) break;
    choose(&chunk, scale, &next);
    if (next.cost >= best.cost) break;
    best = next;
    encode(&chunk, &best, row);
  }
  row->scale = ldexpf(best.scale, exponent);
}
