// Sizes of the key/value cache's blocks: the layouts of ister_kernels.h.
#include "ister_kernels.h"

size_t ister_key_block_bytes(ister_cache_format format, size_t head_width) {
  switch (format) {
    case ISTER_CACHE_F32: return head_width * ISTER_BLOCK_POSITIONS * 4;
    case ISTER_CACHE_F16: return head_width * ISTER_BLOCK_POSITIONS * 2;
    case ISTER_CACHE_Q8: return (head_width + 4) * ISTER_BLOCK_POSITIONS;
  }
  return 0;
}

size_t ister_value_block_bytes(ister_cache_format format, size_t head_width) {
  size_t padded = (head_width + 15) / 16 * 16;
  return ister_key_block_bytes(format, padded);
}
