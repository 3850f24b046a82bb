// Matrix products: all formats, 1 to 40 tokens, ragged columns, ranges of panels, bias and old values.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 6, ROWS = PANELS * ISTER_PANEL_ROWS, TOKENS = 40, STRIDE = ROWS + 16, FLAGS = 4 };

/// Lowest and highest: every weight and activation at an end of its range, so that sums are the largest there are.
typedef enum { RANDOM, LOWEST, HIGHEST, ENDS, KINDS } kind_t;
static const char *const kind_names[KINDS] = {"random", "lowest", "highest", "random ends"};
static const char *const format_names[] = {"matmul f32", "matmul q8", "matmul q4", "matmul q8g32",
                                           "matmul q4g32"};

typedef struct {
  ister_format format;
  size_t columns;
  kind_t kind;
  ister_matrix matrix;
  ister_activations x;  // of TOKENS rows
  size_t steps;
  float *bias;
  float *old;                // [TOKENS][STRIDE]
  float *expected[FLAGS];    // [TOKENS][STRIDE]: bit 0 of the index adds bias, bit 1 the old values
  float *workspace_end;
} case_t;

static uint8_t byte_of(kind_t kind, seeded_t *seeded, uint8_t low, uint8_t high) {
  uint8_t number = (uint8_t)next_number(seeded);
  switch (kind) {
    case RANDOM: return number;
    case LOWEST: return low;
    case HIGHEST: return high;
    default: return number & 1 ? low : high;
  }
}

/// A binary16 scale of either sign, one in eight of them subnormal or zero.
static uint16_t half_scale(seeded_t *seeded) {
  const uint64_t number = next_number(seeded);
  const uint16_t exponent = number >> 32 & 7 ? (uint16_t)(1 + (number >> 16) % 16) : 0;
  return (uint16_t)((number & 0x8000) | exponent << 10 | (number & 0x3FF));
}

/// Both nibbles by themselves.
static void fill_nibble_ends(seeded_t *seeded, uint8_t *at, const uint8_t *end) {
  for (; at < end; at++) *at = (uint8_t)((*at & 0x0F) | (next_number(seeded) & 1 ? 0xF0 : 0));
}

/// One chunk of Q8G32 or Q4G32. Returns its end.
static uint8_t *fill_groups(const case_t *c, size_t columns, seeded_t *seeded, uint8_t *chunk) {
  uint8_t *lines = chunk + ISTER_GROUP_HEAD_BYTES(columns), *end = chunk + ister_chunk_bytes(c->format, columns);
  memset(chunk, 0, (size_t)(lines - chunk));
  for (size_t i = 0; i < columns / ISTER_GROUP * 16; i++) {
    const uint16_t scale = half_scale(seeded);
    memcpy(chunk + 2 * i, &scale, sizeof scale);
  }
  for (uint8_t *at = lines; at < end; at++) *at = byte_of(c->kind, seeded, 0x00, 0xFF);
  if (c->format == ISTER_FORMAT_Q4G32 && c->kind == ENDS) fill_nibble_ends(seeded, lines, end);
  return end;
}

/// One chunk of an integer format: scales, then words and codes of the kind. Returns its end.
static uint8_t *fill_chunk(const case_t *c, size_t columns, seeded_t *seeded, uint8_t *chunk) {
  uint8_t *end = chunk + ister_chunk_bytes(c->format, columns), *at = chunk + 64;
  if (c->format == ISTER_FORMAT_Q8G32 || c->format == ISTER_FORMAT_Q4G32) return fill_groups(c, columns, seeded, chunk);
  for (size_t r = 0; r < 16; r++) {
    float scale;
    fill_floats(seeded, 0.01f, &scale, 1);
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    // Q4's table bits lie below its bf16 scale: any will do.
    memcpy(chunk + 4 * r, &bits, sizeof bits);
  }
  if (c->format == ISTER_FORMAT_Q8) {
    for (; at < end; at++) {
      uint8_t byte = byte_of(c->kind, seeded, 1, 255);
      *at = byte ? byte : 1;
    }
    return end;
  }
  uint8_t *codes = chunk + ISTER_Q4_HEAD_BYTES(columns);
  for (; at < codes; at++) *at = byte_of(c->kind, seeded, 0x88, c->kind == ENDS ? 0x77 : 0x88);
  for (; at < end; at++) *at = byte_of(c->kind, seeded, 0x00, 0xFF);
  if (c->kind == ENDS) fill_nibble_ends(seeded, codes, end);
  return end;
}

static void fill_panels(case_t *c, seeded_t *seeded) {
  const size_t panel_bytes = ister_panel_bytes(c->format, c->columns);
  uint8_t *panels = guarded(PANELS * panel_bytes);
  c->matrix = (ister_matrix){c->format, ROWS, c->columns, panels};
  if (c->format == ISTER_FORMAT_F32) {
    if (c->kind == RANDOM) fill_floats(seeded, 1.0f, (float *)panels, ROWS * c->columns);
    else fill_mixed(seeded, (float *)panels, ROWS * c->columns);
    return;
  }
  uint8_t *at = panels;
  for (size_t p = 0; p < PANELS; p++) {
    for (size_t begin = 0; begin < c->columns; begin += ISTER_CHUNK) {
      size_t columns = c->columns - begin < ISTER_CHUNK ? c->columns - begin : ISTER_CHUNK;
      at = fill_chunk(c, columns, seeded, at);
    }
  }
}

/// Activations in rows with gaps; the last row ends at unreadable memory.
static void fill_activations(case_t *c, const ister_kernels *scalar, seeded_t *seeded) {
  const size_t float_stride = c->columns + 16, value_stride = c->columns + 64;
  float *floats = guarded(((TOKENS - 1) * float_stride + c->columns) * sizeof(float));
  int8_t *values = guarded((TOKENS - 1) * value_stride + c->columns);
  float *scales = guarded(TOKENS * c->steps * sizeof(float));
  int32_t *subblocks = guarded(TOKENS * c->columns / ISTER_SUBBLOCK * sizeof(int32_t));
  int32_t *offsets = guarded(TOKENS * c->steps * sizeof(int32_t));
  for (size_t t = 0; t < TOKENS; t++) {
    float *row = floats + t * float_stride;
    fill_floats(seeded, 1.0f, row, c->columns);
    for (size_t i = 0; i < c->columns && c->kind != RANDOM; i++) row[i] = row[i] < 0 ? -0.7f : 0.7f;
    for (size_t i = 0; i < c->columns && (c->kind == LOWEST || c->kind == HIGHEST); i++) row[i] = t % 2 ? -0.7f : 0.7f;
    scalar->quantize_row(row, c->columns, values + t * value_stride, scales + t * c->steps,
                         subblocks + t * (c->columns / ISTER_SUBBLOCK), offsets + t * c->steps);
  }
  c->x = (ister_activations){c->columns, floats, float_stride, values, value_stride, scales, subblocks, offsets};
}

/// The last `tokens` rows, so that every count of tokens ends at unreadable memory.
static ister_activations last_rows(const case_t *c, size_t tokens) {
  const size_t first = TOKENS - tokens;
  ister_activations x = c->x;
  x.floats += first * x.float_stride;
  x.values += first * x.value_stride;
  x.scales += first * c->steps;
  x.subblock_offsets += first * (c->columns / ISTER_SUBBLOCK);
  x.step_offsets += first * c->steps;
  return x;
}

static void multiply(const ister_kernels *table, const case_t *c, size_t begin, size_t end, size_t tokens, int flags,
                     float *values) {
  ister_activations x = last_rows(c, tokens);
  float *workspace = c->workspace_end - ister_workspace_floats(tokens);
  memset(workspace, 0xFF, ister_workspace_floats(tokens) * sizeof(float));
  memcpy(values, c->old, tokens * STRIDE * sizeof(float));
  ister_output out = {values, STRIDE, flags & 1 ? c->bias : NULL, flags >> 1, workspace};
  table->matmul(&c->matrix, begin, end, &x, tokens, &out);
}

/// One product of a table; expected: scalar's rows of the range, old values everywhere else.
static void compare(const ister_kernels *table, const case_t *c, size_t begin, size_t end, size_t tokens, int flags) {
  static float expected[TOKENS * STRIDE], found[TOKENS * STRIDE];
  memcpy(expected, c->old, tokens * STRIDE * sizeof(float));
  for (size_t t = 0; t < tokens; t++) {
    const float *from = c->expected[flags] + (TOKENS - tokens + t) * STRIDE;
    memcpy(expected + t * STRIDE + begin * 16, from + begin * 16, (end - begin) * 16 * sizeof(float));
  }
  multiply(table, c, begin, end, tokens, flags, found);
  char description[160];
  snprintf(description, sizeof description, "%zu columns, %s, %zu tokens, panels %zu..<%zu%s%s", c->columns,
           kind_names[c->kind], tokens, begin, end, flags & 1 ? ", bias" : "", flags & 2 ? ", accumulate" : "");
  check_same(table->name, format_names[c->format], description, expected, found, tokens * STRIDE * sizeof(float));
}

static void run_case(const tables_t *tables, case_t *c) {
  seeded_t seeded = {(uint64_t)c->format * 1000003 + c->columns * 17 + c->kind};
  c->steps = (c->columns + ISTER_STEP - 1) / ISTER_STEP;
  fill_panels(c, &seeded);
  fill_activations(c, tables->scalar, &seeded);
  // The same old row for all tokens: scalar's product of a row does not depend on how many rows there are.
  for (size_t i = 0; i < STRIDE; i++) fill_floats(&seeded, 1.0f, &c->old[i], 1);
  for (size_t t = 1; t < TOKENS; t++) memcpy(c->old + t * STRIDE, c->old, STRIDE * sizeof(float));
  fill_floats(&seeded, 1.0f, c->bias, ROWS);
  for (int flags = 0; flags < FLAGS; flags++) {
    multiply(tables->scalar, c, 0, PANELS, TOKENS, flags, c->expected[flags]);
    hash_results(format_names[c->format], c->expected[flags], TOKENS * STRIDE * sizeof(float));
  }
  static const size_t ranges[][2] = {{0, 1}, {1, 3}, {0, 3}, {1, 6}, {0, 6}};
  for (size_t i = 0; i < tables->count; i++) {
    for (size_t tokens = 1; tokens <= TOKENS; tokens++) {
      for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        compare(tables->others[i], c, ranges[r][0], ranges[r][1], tokens, (int)((tokens + r) % FLAGS));
      }
    }
  }
}

void check_matmul(const tables_t *tables) {
  static const size_t columns[] = {32, 64, 352, 576, 2560};
  case_t c;
  c.bias = guarded(ROWS * sizeof(float));
  c.old = guarded(TOKENS * STRIDE * sizeof(float));
  c.workspace_end = (float *)guarded(ister_workspace_floats(TOKENS) * sizeof(float)) + ister_workspace_floats(TOKENS);
  for (int flags = 0; flags < FLAGS; flags++) c.expected[flags] = malloc(TOKENS * STRIDE * sizeof(float));
  for (int format = ISTER_FORMAT_F32; format <= ISTER_FORMAT_Q4G32; format++) {
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
      for (int kind = RANDOM; kind < KINDS; kind++) {
        c.format = (ister_format)format;
        c.columns = columns[i];
        c.kind = (kind_t)kind;
        run_case(tables, &c);
      }
    }
  }
}
