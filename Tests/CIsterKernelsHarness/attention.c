// Attention over caches of every format, and the conversions to and from half precision.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  size_t head_width, heads, window, positions;
} shape_t;

enum { KEY_VALUE_HEADS = 2 };

static const char *const format_names[] = {"attention f32", "attention f16", "attention q8"};
enum { FORMATS = sizeof format_names / sizeof *format_names };

static size_t key_bytes(const ister_cache *c) {
  return c->table_length * c->key_value_heads * ister_key_block_bytes(c->format, c->head_width);
}

static size_t value_bytes(const ister_cache *c) {
  return c->table_length * c->key_value_heads * ister_value_block_bytes(c->format, c->head_width);
}

/// A cache with guarded memory and its blocks in falling order.
static ister_cache make_cache(ister_cache_format format, size_t head_width, size_t heads, size_t blocks) {
  int32_t *table = guarded(blocks * sizeof(int32_t));
  for (size_t b = 0; b < blocks; b++) table[b] = (int32_t)(blocks - 1 - b);
  ister_cache cache = {format, head_width, heads, NULL, NULL, blocks, table, blocks};
  cache.keys = guarded(key_bytes(&cache));
  cache.values = guarded(value_bytes(&cache));
  return cache;
}

typedef struct {
  shape_t shape;
  ister_cache_format format;
  float *queries;  // [positions][heads][head_width]
  float *keys;     // [positions][KEY_VALUE_HEADS][head_width]
  float *values;
  float *workspace;
  float *partials;  // of all segments
} case_t;

/// A call in parts, the last segment first, as other threads may have it.
static int attend_parts(const ister_kernels *table, const ister_attention *job, float *partials) {
  const size_t first = job->window && job->position >= job->window ? job->position - job->window + 1 : 0;
  const size_t begin = first / ISTER_SEGMENT, end = (job->position + job->tokens - 1) / ISTER_SEGMENT + 1;
  const size_t size = ister_partial_floats(job->cache->head_width, job->tokens * job->heads);
  int not_finite = 0;
  for (size_t g = end; g > begin; g--) {
    not_finite |= table->attend_segment(job, g - 1, partials + (g - 1 - begin) * size);
  }
  table->join_segments(job, partials);
  return not_finite;
}

/// The output of all positions, `tokens` at a time, each tile's keys and values written before it is attended.
static ister_cache attend_all(const ister_kernels *table, const case_t *c, size_t tokens, int in_parts, float *output) {
  const shape_t *s = &c->shape;
  const size_t blocks = s->window ? (s->window + 31) / 16 + 1 : (s->positions + 15) / 16;
  const size_t width = s->heads * s->head_width, key_width = KEY_VALUE_HEADS * s->head_width;
  ister_cache cache = make_cache(c->format, s->head_width, KEY_VALUE_HEADS, blocks);
  int not_finite = 0;
  for (size_t start = 0; start < s->positions; start += tokens) {
    size_t count = s->positions - start < tokens ? s->positions - start : tokens;
    for (size_t p = start; p < start + count; p++) {
      for (size_t h = 0; h < KEY_VALUE_HEADS; h++) {
        const size_t at = p * key_width + h * s->head_width;
        not_finite |= table->store_position(&cache, h, p, c->keys + at, c->values + at);
      }
    }
    ister_attention job = {.cache = &cache, .key_value_head = 1, .heads = s->heads, .stride = width,
                           .position = start, .tokens = count, .window = s->window, .scale = 0.3f};
    job.queries = c->queries + start * width;
    job.output = output + start * width;
    job.workspace = c->workspace;
    not_finite |= in_parts ? attend_parts(table, &job, c->partials) : table->attend(&job);
  }
  check_true(!not_finite, table->name, format_names[c->format], "finite numbers are taken as such");
  return cache;
}

static void compare(const ister_kernels *table, const case_t *c, const ister_cache *expected_cache,
                    const float *expected) {
  const shape_t *s = &c->shape;
  const size_t bytes = s->positions * s->heads * s->head_width * sizeof(float);
  float *found = malloc(bytes);
  static const size_t counts[] = {1, 3, 16};
  for (size_t i = 0; i < 6; i++) {
    const size_t count = counts[i / 2];
    const int in_parts = i % 2;
    if (count * s->heads > ISTER_QUERY_TILE) continue;
    char description[120];
    snprintf(description, sizeof description, "width %zu, %zu heads, window %zu, %zu positions, %zu tokens at a time%s",
             s->head_width, s->heads, s->window, s->positions, count, in_parts ? ", in parts" : "");
    memset(found, 0xFF, bytes);
    ister_cache cache = attend_all(table, c, count, in_parts, found);
    check_same(table->name, format_names[c->format], description, expected, found, bytes);
    check_same(table->name, "store_position keys", description, expected_cache->keys, cache.keys, key_bytes(&cache));
    check_same(table->name, "store_position values", description, expected_cache->values, cache.values,
               value_bytes(&cache));
  }
  free(found);
}

static void run_case(const tables_t *tables, case_t *c) {
  const shape_t *s = &c->shape;
  const size_t width = s->heads * s->head_width, key_width = KEY_VALUE_HEADS * s->head_width;
  seeded_t seeded = {s->head_width * 31 + s->positions + s->window};
  c->queries = guarded(s->positions * width * sizeof(float));
  c->keys = guarded(s->positions * key_width * sizeof(float));
  c->values = guarded(s->positions * key_width * sizeof(float));
  c->workspace = guarded(ister_attention_workspace_floats(s->head_width) * sizeof(float));
  c->partials = guarded((s->positions / ISTER_SEGMENT + 1) * ister_partial_floats(s->head_width, ISTER_QUERY_TILE) *
                        sizeof(float));
  // Scores spread widely, so that many weights are tiny and some are 0.
  fill_floats(&seeded, 3.0f, c->queries, s->positions * width);
  fill_floats(&seeded, 3.0f, c->keys, s->positions * key_width);
  fill_mixed(&seeded, c->values, s->positions * key_width);
  float *expected = malloc(s->positions * width * sizeof(float));
  ister_cache cache = attend_all(tables->scalar, c, 1, 0, expected);
  hash_results(format_names[c->format], expected, s->positions * width * sizeof(float));
  hash_results("store_position", cache.keys, key_bytes(&cache));
  hash_results("store_position", cache.values, value_bytes(&cache));
  for (size_t i = 0; i < tables->count; i++) compare(tables->others[i], c, &cache, expected);
  free(expected);
}

/// Keys, values and queries with one element that is not finite: what is stored and reported.
static void check_not_finite(const tables_t *tables, ister_cache_format format, float bad) {
  enum { HEAD = 24 };
  float *good = guarded(HEAD * sizeof(float)), *row = guarded(HEAD * sizeof(float)), output[HEAD];
  float *workspace = guarded(ister_attention_workspace_floats(HEAD) * sizeof(float));
  seeded_t seeded = {17};
  fill_floats(&seeded, 1.0f, good, HEAD);
  memcpy(row, good, HEAD * sizeof(float));
  row[19] = bad;
  ister_cache expected = make_cache(format, HEAD, 1, 1);
  tables->scalar->store_position(&expected, 0, 0, row, row);
  for (size_t i = 0; i <= tables->count; i++) {
    const ister_kernels *table = i < tables->count ? tables->others[i] : tables->scalar;
    ister_cache cache = make_cache(format, HEAD, 1, 1);
    ister_attention job = {.cache = &cache, .heads = 1, .queries = good, .output = output, .stride = HEAD,
                           .tokens = 1, .scale = 1.0f, .workspace = workspace};
    int found = !table->store_position(&cache, 0, 0, good, good) && table->store_position(&cache, 0, 0, row, good) &&
                table->store_position(&cache, 0, 0, good, row) && !table->attend(&job);
    job.queries = row;
    check_true(found && table->attend(&job), table->name, format_names[format], "what is not finite is reported");
    table->store_position(&cache, 0, 0, row, row);
    check_same(table->name, format_names[format], "stored keys that are not finite", expected.keys, cache.keys,
               key_bytes(&cache));
  }
}

void check_attention(const tables_t *tables) {
  static const shape_t shapes[] = {{20, 4, 0, 70},  {24, 1, 0, 40},     {80, 4, 0, 280},
                                   {64, 3, 13, 90}, {80, 16, 100, 290}, {16, 1, 0, 600}};
  for (int format = 0; format < FORMATS; format++) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      case_t c = {.shape = shapes[i], .format = (ister_cache_format)format};
      run_case(tables, &c);
    }
    check_not_finite(tables, (ister_cache_format)format, __builtin_inff());
    check_not_finite(tables, (ister_cache_format)format, -__builtin_inff());
    // A half that stands for NaN is left open; the others store it as it is or as 0.
    if (format != ISTER_CACHE_F16) check_not_finite(tables, (ister_cache_format)format, __builtin_nanf(""));
  }
}

// ---- half precision ----

enum { HALVES = 63488, WIDTH = 1024, HALF_POSITIONS = 3 * HALVES / WIDTH };

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/// The value of a finite half.
static float value_of_half(uint32_t half) {
  const uint32_t exponent = half >> 10 & 31, fraction = half & 1023;
  float size = exponent ? (float)(1024 + fraction) * float_of((exponent + 102) << 23) : (float)fraction * 0x1p-24f;
  return half >> 15 ? -size : size;
}

/// All finite halves, and the floats half-way to the next larger one and just beyond; over the end they saturate.
static void fill_halves(float *to) {
  for (uint32_t i = 0; i < HALVES; i++) {
    const uint32_t half = i < HALVES / 2 ? i : i - HALVES / 2 + 0x8000;
    const float value = value_of_half(half);
    const float next = (half & 0x7FFF) == 0x7BFF ? 65536.0f : value_of_half((half & 0x7FFF) + 1);
    const float middle = (next + (value < 0 ? -value : value)) * 0.5f;
    uint32_t bits;
    memcpy(&bits, &middle, sizeof bits);
    bits |= half >> 15 << 31;
    to[3 * i] = value;
    to[3 * i + 1] = float_of(bits);
    to[3 * i + 2] = float_of(bits + 1);
  }
}

/// Values of one position alone: its weight is 1, so the output is what was stored.
static void read_back(const ister_kernels *table, const ister_cache *cache, float *output) {
  float *workspace = guarded(ister_attention_workspace_floats(WIDTH) * sizeof(float));
  float *query = guarded(WIDTH * sizeof(float));
  for (size_t p = 0; p < HALF_POSITIONS; p++) {
    ister_attention job = {.cache = cache, .heads = 1, .queries = query, .output = output + p * WIDTH, .stride = WIDTH,
                           .position = p, .tokens = 1, .window = 1, .scale = 1.0f, .workspace = workspace};
    table->attend(&job);
  }
}

void check_half_precision(const tables_t *tables) {
  const size_t bytes = (size_t)HALF_POSITIONS * WIDTH * sizeof(float), blocks = (HALF_POSITIONS + 15) / 16;
  float *floats = guarded(bytes), *output[2] = {guarded(bytes), guarded(bytes)};
  fill_halves(floats);
  ister_cache caches[2];
  for (size_t i = 0; i <= tables->count; i++) {
    const ister_kernels *table = i ? tables->others[i - 1] : tables->scalar;
    const size_t slot = i > 0;
    caches[slot] = make_cache(ISTER_CACHE_F16, WIDTH, 1, blocks);
    for (size_t p = 0; p < HALF_POSITIONS; p++) {
      table->store_position(&caches[slot], 0, p, floats + p * WIDTH, floats + p * WIDTH);
    }
    read_back(table, &caches[slot], output[slot]);
    if (i == 0) continue;
    check_same(table->name, "float to half", "all halves and their middles", caches[0].values, caches[1].values,
               value_bytes(&caches[0]));
    check_same(table->name, "half to float", "all halves", output[0], output[1], bytes);
  }
  hash_results("half precision", caches[0].values, value_bytes(&caches[0]));
  hash_results("half precision", output[0], bytes);
  size_t wrong = 0;
  for (size_t i = 0; i < HALVES; i++) wrong += output[0][3 * i] != floats[3 * i];
  check_true(wrong == 0, "scalar", "half precision", "every half comes back as it was stored");
}
