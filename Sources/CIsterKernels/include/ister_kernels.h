#ifndef ISTER_KERNELS_H
#define ISTER_KERNELS_H

#include "ister_formats.h"

#pragma clang assume_nonnull begin

/// The arithmetic contract. Every table gives the same bits, because the numbers are defined here and not by a kernel:
///  - integer sums are exact; a step of ISTER_STEP columns stays below 2^24, so its conversion to float is exact, too;
///  - a matrix row adds in ascending order: within a chunk t = fmaf((float)I, s, t) over the steps, then
///    acc = fmaf(t, d, acc), with I a step's integer sum, s the activation's step scale, d the weight's chunk scale;
///    Q8G32 and Q4G32: t = fmaf((float)I * g, s, t), with g the weight's group scale and the product rounded to float,
///    then acc = acc + t, which is the same with a chunk scale of 1;
///    F32 matrices add per chunk by fmaf over ascending columns, then the chunk sums in ascending order;
///  - every other sum runs over 16 lanes (lane = index mod 16, ascending) and then a fixed tree: 8, 4, 2, 1;
///  - no contraction, no reassociation; fused multiply-adds only where written. FTZ and DAZ are on in every worker.
///    Arm's FZ does the same but for one case: it judges a result before rounding, x86 after, so a result that only
///    rounding lifts to 2^-126 stays on x86 and is 0 on Arm. A sum shows it when all of its terms are that small; the
///    next quantize_row, which F32 matrices do without, makes 0 of either, as of everything below 1e-30. Which NaN a
///    NaN is, is left open, too: rows with one are refused.
/// The scalar table is the definition; tests compare all others to it byte by byte.

/// A weight matrix in one of the formats of ister_formats.h, in place in the mapped file.
typedef struct {
  ister_format format;
  size_t rows;     ///< padded to 16
  size_t columns;  ///< padded to 32
  const void *panels;
} ister_matrix;

/// Rows of activations, as floats and, for integer formats, as int8 with one scale per step of ISTER_STEP columns.
typedef struct {
  size_t columns;                ///< padded to 32; the padding is zero
  const float *floats;           ///< [rows][float_stride]
  size_t float_stride;
  const int8_t *_Nullable values;  ///< [rows][value_stride], -127..127
  size_t value_stride;
  const float *_Nullable scales;          ///< [rows][steps]
  const int32_t *_Nullable subblock_offsets;  ///< [rows][columns / 16]: -16 * sum of the sub-block
  const int32_t *_Nullable step_offsets;      ///< [rows][steps]: -128 * sum of the step
} ister_activations;

/// Where a matrix product goes: values[token * stride + row] = (accumulate ? old : 0) + (product + bias).
typedef struct {
  float *values;
  size_t stride;
  const float *_Nullable bias;  ///< [rows]
  int accumulate;
  float *workspace;  ///< ister_workspace_floats(tokens), owned by the calling worker
} ister_output;

/// Floats of a matmul call's workspace.
size_t ister_workspace_floats(size_t tokens);

/// Element types of the key/value cache.
typedef enum { ISTER_CACHE_F32 = 0, ISTER_CACHE_F16 = 1, ISTER_CACHE_Q8 = 2 } ister_cache_format;

enum {
  /// Positions of a cache block.
  ISTER_BLOCK_POSITIONS = 16,
  /// Blocks whose parts of one head lie side by side, long enough for a processor's prefetcher: it begins anew at each
  /// piece, and the few KiB that a block has for one head are over before it is fast.
  ISTER_EXTENT_BLOCKS = 32,
  /// Positions of a softmax segment, aligned to absolute positions: partial results never depend on chunking.
  ISTER_SEGMENT = 256,
  /// Most query rows (tokens x heads of one group) of one attention call.
  ISTER_QUERY_TILE = 16,
  /// Widest head of the cache.
  ISTER_MOST_HEAD_WIDTH = 1024,
  /// Dimensions of a key or query that share a scale in Q8; the last group may be narrower.
  ISTER_KEY_GROUP = 32,
  ISTER_MOST_KEY_GROUPS = ISTER_MOST_HEAD_WIDTH / ISTER_KEY_GROUP,
};

/// One layer's cache, seen by one sequence. Blocks lie in extents: [extent][key/value head][ISTER_EXTENT_BLOCKS], of
/// which the last one may have fewer. A block holds, for each key/value head:
///
/// F32, F16  keys as [head width][16 positions], values as [16 positions][head width padded to 16].
///
/// Q8        keys as groups of ISTER_KEY_GROUP dimensions, each [16 positions] float scales, amax / 127, then
///           [dimensions / 4][16 positions][4 dimensions]; a scale for a group, since few dimensions of a key are much
///           larger than the others. Behind the groups the values' scales [16 positions], which are needed before the
///           values: these are [4][head width padded to 16][4 positions]. Bytes are int8 + 128. Queries are quantized
///           as keys are, and the weights of a segment to 14 bits of their largest: the sums of a group and of a
///           segment are exact integers. A score adds its groups in order: s = fmaf((float)I * k, q, s), with k the key
///           group's scale and q the query group's times `scale`.
typedef struct {
  ister_cache_format format;
  size_t head_width;  ///< a multiple of 4
  size_t key_value_heads;
  void *keys;
  void *values;
  size_t block_count;  ///< physical blocks of the layer
  /// Physical block of logical block b: table[b % table_length]. Read only where a block holds a position that is
  /// stored or visible; entries of others may be anything.
  const int32_t *table;
  size_t table_length;
} ister_cache;

/// Bytes of one head's keys and values in a block; 0 for an unknown format.
size_t ister_key_block_bytes(ister_cache_format format, size_t head_width);
size_t ister_value_block_bytes(ister_cache_format format, size_t head_width);

/// Attention of `tokens` consecutive tokens of one sequence for the query heads that share one key/value head.
/// queries, output: [tokens][stride] with head h of the group at offset h * head_width.
/// tokens * heads <= ISTER_QUERY_TILE. window 0: every earlier position is visible.
typedef struct {
  const ister_cache *cache;
  size_t key_value_head;
  size_t heads;
  const float *queries;
  float *output;
  size_t stride;
  size_t position;  ///< of the first token
  size_t tokens;
  size_t window;
  float scale;
  float *workspace;  ///< ister_attention_workspace_floats(head_width), owned by the calling worker
} ister_attention;

/// Floats of what one segment contributes to a call of so many queries (tokens x heads).
size_t ister_partial_floats(size_t head_width, size_t queries);

/// Floats of an attention call's workspace.
size_t ister_attention_workspace_floats(size_t head_width);

/// One instruction set's kernels. Stateless; any thread; a kernel neither allocates nor threads.
typedef struct {
  const char *name;

  /// values, scales, subblock_offsets, step_offsets of one row of activations: scale = amax / 127 per step,
  /// value = round to nearest even of x * (127 / amax). Returns 0, or 1 when an element is not finite.
  int (*quantize_row)(const float *x, size_t columns, int8_t *values, float *scales, int32_t *subblock_offsets,
                      int32_t *step_offsets);

  /// Products of panels panel_begin..<panel_end of w with `tokens` rows of x.
  void (*matmul)(const ister_matrix *w, size_t panel_begin, size_t panel_end, const ister_activations *x,
                 size_t tokens, const ister_output *out);

  /// y = x / sqrt(mean(x^2) + epsilon) * weight over `width` elements; width padded to 16 is read and written.
  /// unit_offset: the factor is 1 + weight. Zhang and Sennrich 2019.
  void (*rms_norm)(const float *x, const float *weight, size_t width, float epsilon, int unit_offset, float *y);

  /// Rotates pairs (i, i + half) of one head in place: x0 c - x1 s, x1 c + x0 s. Su et al. 2021.
  void (*rotate)(float *head, const float *cosines, const float *sines, size_t half);

  /// gate[i] = silu(gate[i]) * up[i]; count a multiple of 16. Shazeer 2020 (SwiGLU).
  void (*swiglu)(float *gate, const float *up, size_t count);

  /// Writes one position's key and value of one key/value head: [head_width] each. Returns 0, or 1 when an element is
  /// not finite.
  int (*store_position)(const ister_cache *cache, size_t key_value_head, size_t position, const float *key,
                        const float *value);

  /// Returns 0, or 1 when an element of the queries is not finite.
  int (*attend)(const ister_attention *job);

  /// The same in parts, which give the same bits: what segment `segment` contributes, ister_partial_floats of it, each
  /// on any thread; then join_segments with the parts of all segments that the call sees, one after the other from that
  /// of its first visible position on. attend_segment leaves `output` alone.
  int (*attend_segment)(const ister_attention *job, size_t segment, float *partial);
  void (*join_segments)(const ister_attention *job, const float *partials);

  /// Reads whole pieces of 128 bytes with prefetch and returns their xor, so that nothing is optimised away: the
  /// streaming yardstick.
  uint64_t (*stream)(const void *bytes, size_t count);

  /// Runs `rounds` of the set's int8 dot product on registers alone and returns the multiply-adds done: the yardstick
  /// of prompts. No sum is checked for range. AVX2 has no single instruction; there it is the product of pairs
  /// (maddubs) and the 16-bit addition that follows it.
  uint64_t (*integer_peak)(size_t rounds);
} ister_kernels;

/// Tables that this processor can run, best first; the last is "scalar". Returns their number.
size_t ister_available_kernels(const ister_kernels *_Nonnull tables[_Nonnull], size_t capacity);

/// The table named, or null when it is unknown or this processor cannot run it.
const ister_kernels *_Nullable ister_kernels_named(const char *name);

#pragma clang assume_nonnull end
#endif
