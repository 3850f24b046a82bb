// Sizes of the key/value cache's blocks and of attention's workspace: the layouts of ister_kernels.h.
#include "ister_kernels.h"

static size_t padded_to_lanes(size_t width) { return (width + 15) / 16 * 16; }

/// scales: floats of a position beside Q8's bytes.
static size_t block_bytes(ister_cache_format format, size_t width, size_t scales) {
  switch (format) {
    case ISTER_CACHE_F32: return width * ISTER_BLOCK_POSITIONS * 4;
    case ISTER_CACHE_F16: return width * ISTER_BLOCK_POSITIONS * 2;
    case ISTER_CACHE_Q8: return (width + 4 * scales) * ISTER_BLOCK_POSITIONS;
  }
  return 0;
}

size_t ister_key_block_bytes(ister_cache_format format, size_t head_width) {
  return block_bytes(format, head_width, (head_width + ISTER_KEY_GROUP - 1) / ISTER_KEY_GROUP + 1);
}

size_t ister_value_block_bytes(ister_cache_format format, size_t head_width) {
  return block_bytes(format, padded_to_lanes(head_width), 0);
}

size_t ister_workspace_floats(size_t tokens) { return tokens * 32 + 4096; }

/// A segment's weighted values of each query, then its maxima and sums.
size_t ister_partial_floats(size_t head_width, size_t queries) { return queries * (padded_to_lanes(head_width) + 2); }

/// Scores, two parts of a weight of a byte each, then the queries and two rows of results.
size_t ister_attention_workspace_floats(size_t head_width) {
  return ISTER_QUERY_TILE * (ISTER_SEGMENT + ISTER_SEGMENT / 2 + 3 * padded_to_lanes(head_width));
}
