// Q8G32 and Q4G32: groups of 32 columns with a binary16 scale each.
#include <math.h>
#include <string.h>

#include "pack.h"

#define HARDWARE_HALF 0
#include "../portable/lanes.h"

enum {
  ROWS = ISTER_PANEL_ROWS,
  LINE = 64,
  GROUP = ISTER_GROUP,
  /// Scales that are tried. A group of 8-bit weights has 2.7 squared steps of error by chance, give or take 0.4: the
  /// best of some scales that hardly differ has a fifth less.
  CANDIDATES = 16,
  REFITS = 2,
};

static const float LARGEST_HALF = 65504;

/// Weights that a format stores, what is added to them in the file, and the range of scales worth trying: parts of the
/// one under which the largest weight just reaches the end.
typedef struct {
  int lowest, highest, bias;
  float first_part, last_part;
} levels_t;

static levels_t levels_of(ister_format format) {
  return format == ISTER_FORMAT_Q8G32 ? (levels_t){-127, 127, 128, 1.0f, 1.06f} : (levels_t){-8, 7, 8, 0.8f, 1.15f};
}

/// Nearest weights, ties to even. inverse: 1 / scale, or 0 for a scale of 0.
ISTER_INLINE lanes nearest(lanes x, float inverse, levels_t levels) {
  lanes z = x * inverse;
  z = z > (float)levels.highest ? (lanes)(float)levels.highest : z;
  return round_lanes(z < (float)levels.lowest ? (lanes)(float)levels.lowest : z);
}

/// The same for one weight.
ISTER_INLINE int nearest_code(float x, float inverse, levels_t levels) {
  const float magic = 12582912.0f;
  float z = x * inverse;
  z = z > (float)levels.highest ? (float)levels.highest : z;
  z = z < (float)levels.lowest ? (float)levels.lowest : z;
  return (int)((z + magic) - magic) + levels.bias;
}

static float inverse_of(float scale) { return scale != 0 ? 1 / scale : 0; }

/// A group under search.
typedef struct {
  float x[GROUP], weight[GROUP];
} group_t;

/// Weighted squared error under a scale.
static float cost_of(const group_t *group, float scale, levels_t levels) {
  const float inverse = inverse_of(scale);
  lanes cost = 0;
  for (int i = 0; i < GROUP; i += LANES) {
    const lanes x = load_lanes(group->x + i), e = x - nearest(x, inverse, levels) * scale;
    cost += load_lanes(group->weight + i) * (e * e);
  }
  return sum_of_lanes(cost);
}

/// The scale of least weighted error for the codes that another scale gives, or 0 if there is none.
static float refit(const group_t *group, float scale, levels_t levels) {
  const float inverse = inverse_of(scale);
  lanes wxq = 0, wqq = 0;
  for (int i = 0; i < GROUP; i += LANES) {
    const lanes x = load_lanes(group->x + i), q = nearest(x, inverse, levels), wq = load_lanes(group->weight + i) * q;
    wxq += wq * x;
    wqq += wq * q;
  }
  const float below = sum_of_lanes(wqq), above = sum_of_lanes(wxq);
  return below > 0 ? above / below : 0;
}

static float bounded(float scale) {
  return scale > LARGEST_HALF ? LARGEST_HALF : scale < -LARGEST_HALF ? -LARGEST_HALF : scale;
}

/// Takes the scale when its error is smaller than the best one's.
static int try_scale(const group_t *group, float wanted, levels_t levels, uint16_t *best, float *least) {
  const uint16_t half = half_of_float(bounded(wanted));
  const float cost = cost_of(group, float_of_half(half), levels);
  if (!(cost < *least)) return 0;
  *best = half, *least = cost;
  return 1;
}

/// The value of largest magnitude.
static float extreme(const float *x) {
  float most = 0;
  for (int i = 0; i < GROUP; i++) most = fabsf(x[i]) > fabsf(most) ? x[i] : most;
  return most;
}

/// Squares of weights above this would overflow; squares of what no scale can hold do not matter.
static const float LARGEST_WEIGHT = 0x1p+60f;

static void load(const float *x, const float *importance, group_t *group) {
  float most = 0;
  for (int i = 0; importance && i < GROUP; i++) most = importance[i] > most ? importance[i] : most;
  for (int i = 0; i < GROUP; i++) {
    group->x[i] = x[i] > LARGEST_WEIGHT ? LARGEST_WEIGHT : x[i] < -LARGEST_WEIGHT ? -LARGEST_WEIGHT : x[i];
    group->weight[i] = most > 0 ? importance[i] / most : 1;
  }
}

uint16_t ister_group_scale(ister_format format, const float *x, const float *importance) {
  const levels_t levels = levels_of(format);
  group_t group;
  load(x, importance, &group);
  const float end = extreme(group.x);
  // A lopsided range shows its longer side to the extreme, by the scale's sign.
  const float base = levels.lowest == -levels.highest ? fabsf(end) / (float)levels.highest : end / (float)levels.lowest;
  uint16_t best = 0;
  float least = cost_of(&group, 0, levels);
  for (int k = 0; k < CANDIDATES; k++) {
    const float part = levels.first_part + (levels.last_part - levels.first_part) * (float)k / (CANDIDATES - 1);
    try_scale(&group, base * part, levels, &best, &least);
  }
  for (int k = 0; k < REFITS; k++) {
    if (!try_scale(&group, refit(&group, float_of_half(best), levels), levels, &best, &least)) break;
  }
  return best;
}

void ister_group_codes(ister_format format, const float *x, size_t count, uint16_t scale, uint8_t *code) {
  const levels_t levels = levels_of(format);
  const float inverse = inverse_of(float_of_half(scale));
  for (size_t i = 0; i < count; i++) code[i] = (uint8_t)nearest_code(x[i], inverse, levels);
}

float ister_group_value(ister_format format, uint8_t code, uint16_t scale) {
  return float_of_half(scale) * (float)(code - levels_of(format).bias);
}

/// The byte of a column's code after the head.
static size_t code_offset(ister_format format, size_t column, size_t row) {
  const size_t line = format == ISTER_FORMAT_Q8G32 ? column / 4 : column / 32 * 4 + column % 16 / 4;
  return line * LINE + row * 4 + column % 4;
}

void ister_group_put(ister_format format, const uint16_t *scales, const uint8_t *codes, size_t columns, size_t row,
                     uint8_t *chunk) {
  const size_t head = ISTER_GROUP_HEAD_BYTES(columns);
  for (size_t g = 0; g < head / (2 * ROWS); g++) {
    const uint16_t scale = g < columns / GROUP ? scales[g] : 0;
    chunk[(g * ROWS + row) * 2] = (uint8_t)scale;
    chunk[(g * ROWS + row) * 2 + 1] = (uint8_t)(scale >> 8);
  }
  for (size_t c = 0; c < columns; c++) {
    uint8_t *to = chunk + head + code_offset(format, c, row);
    if (format == ISTER_FORMAT_Q8G32) *to = codes[c];
    else if (c & 16) *to = (uint8_t)(*to | codes[c] << 4);
    else *to = codes[c];
  }
}

static uint16_t scale_at(const uint8_t *chunk, size_t group, size_t row) {
  const uint8_t *p = chunk + (group * ROWS + row) * 2;
  return (uint16_t)(p[0] | p[1] << 8);
}

void ister_group_unpack(ister_format format, const uint8_t *chunk, size_t columns, size_t row, float *out) {
  const uint8_t *lines = chunk + ISTER_GROUP_HEAD_BYTES(columns);
  const int bias = levels_of(format).bias;
  for (size_t start = 0; start < columns; start += GROUP) {
    const float scale = float_of_half(scale_at(chunk, start / GROUP, row));
    for (size_t c = start; c < start + GROUP; c++) {
      const uint8_t byte = lines[code_offset(format, c, row)];
      const int code = format == ISTER_FORMAT_Q8G32 ? byte : c & 16 ? byte >> 4 : byte & 15;
      out[c] = scale * (float)(code - bias);
    }
  }
}

int ister_group_is_finite(const uint8_t *chunk, size_t columns) {
  for (size_t i = 0; i < ISTER_GROUP_HEAD_BYTES(columns) / 2; i++) {
    if ((scale_at(chunk, 0, i) & 0x7C00) == 0x7C00) return 0;
  }
  return 1;
}

void ister_pack_groups(ister_format format, const uint16_t *scales, const uint8_t *codes, size_t columns, void *panel,
                       double *squared_sum) {
  uint8_t *chunk = panel;
  double sum = 0;
  if (!ister_is_grouped(format)) return;
  for (size_t start = 0; start < columns; start += ISTER_CHUNK) {
    const size_t count = columns - start < ISTER_CHUNK ? columns - start : ISTER_CHUNK;
    for (size_t row = 0; row < ROWS; row++) {
      float back[ISTER_CHUNK];
      const uint16_t *group = scales + row * (columns / GROUP) + start / GROUP;
      ister_group_put(format, group, codes + row * columns + start, count, row, chunk);
      ister_group_unpack(format, chunk, count, row, back);
      for (size_t c = 0; c < count; c++) sum += (double)back[c] * (double)back[c];
    }
    chunk += ister_chunk_bytes(format, count);
  }
  *squared_sum += sum;
}
