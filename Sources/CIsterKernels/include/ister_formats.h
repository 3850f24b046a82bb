#ifndef ISTER_FORMATS_H
#define ISTER_FORMATS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Weight formats: the only definition of their layout. All numbers little-endian.
///
/// A matrix [rows, columns] is stored as panels of 16 rows (rows padded to 16 with zeros, columns to 32); panels
/// follow each other without gaps. Inside a panel columns go in chunks of 256; the last chunk may be shorter, any
/// multiple of 32. Lane r of every vector belongs to row r of the panel, so kernels never sum across lanes.
///
/// F32   [columns][16 rows] float. Not chunked. 32 bits a weight.
///
/// Q8    chunk = 16 float scales, then columns/4 lines of 64 bytes: line q, byte 4r+i = weight (row r, column 4q+i)
///       + 128 as uint8. Weights -127..127. value = scale * weight. 8.125 bits a weight.
///
/// Q4    chunk = 16 x uint32 "word 0", then ceil(columns/128) x (16 x uint32) sub-scale words, then columns/8 lines of
///       64 bytes of codes.
///       word 0 of row r: bits 16-31 = the upper half of a float, the row's chunk scale d (bf16); bit g = table bit
///       of sub-block g (16 columns each, g = 0..15).
///       sub-scale word 1 + g/8: bits 4*(g%8)..+3 = two's complement sub-scale s of sub-block g, -8..7.
///       codes: per 32 columns four lines; line j byte 4r+i: low nibble = column 4j+i, high nibble = column 16+4j+i
///       of those 32. With code u and table bit t: integer weight = s * ister_q4_codebook[t][u], always within
///       -120..120; value = d * integer weight. 4.375 bits a weight when columns are a multiple of 256.
///
/// Q8G32 and Q4G32 have groups of 32 columns with a scale each, as GGML's Q8_0 and Q4_0, whose blocks they hold
/// exactly.
///       chunk = columns/32 x (16 x binary16) group scales, zeros to a multiple of 64 bytes, then lines of 64 bytes.
///       A scale is finite and has any sign; value = scale * weight.
///
/// Q8G32 columns/4 lines as Q8's; weights -128..127 (-128 only where a source has it). 8.5 bits a weight when columns
///       are a multiple of 64.
///
/// Q4G32 columns/8 lines of nibbles in the order of Q4's; weight = nibble - 8, -8..7. 4.5 bits a weight likewise.
typedef enum {
  ISTER_FORMAT_F32 = 0,
  ISTER_FORMAT_Q8 = 1,
  ISTER_FORMAT_Q4 = 2,
  ISTER_FORMAT_Q8G32 = 3,
  ISTER_FORMAT_Q4G32 = 4,
} ister_format;

enum {
  /// Rows of a panel.
  ISTER_PANEL_ROWS = 16,
  /// Columns that share a float scale in weights.
  ISTER_CHUNK = 256,
  /// Columns that share a float scale in activations; divides ISTER_CHUNK. Mean KL divergence of SmolLM2 with q8
  /// weights at 256, 64, 32: 0.0206, 0.0094, 0.0069; int8 products with 512 tokens at 398, 373, 360 GMAC/s a core.
  ISTER_STEP = 32,
  /// Columns of a matrix and lengths of activation rows are padded to this.
  ISTER_COLUMN_STEP = 32,
  /// Columns that share a sub-scale in Q4.
  ISTER_SUBBLOCK = 16,
  /// Columns that share a scale in Q8G32 and Q4G32: a step, so that the scale enters where a step becomes a float.
  ISTER_GROUP = 32,
};

_Static_assert(ISTER_COLUMN_STEP % ISTER_STEP == 0, "kernels work on whole steps");

/// Bytes of one chunk of `columns` columns (a multiple of 32, at most 256), for kernels that must not call out.
#define ISTER_CHUNK_BYTES_Q8(columns) (64 + (size_t)(columns) * 16)
/// Bytes of Q4's words before a chunk's lines.
#define ISTER_Q4_HEAD_BYTES(columns) (64 * (1 + ((size_t)(columns) + 127) / 128))
#define ISTER_CHUNK_BYTES_Q4(columns) (ISTER_Q4_HEAD_BYTES(columns) + (size_t)(columns) * 8)
/// Bytes of the group scales before a chunk's lines.
#define ISTER_GROUP_HEAD_BYTES(columns) (64 * (((size_t)(columns) + 63) / 64))
#define ISTER_CHUNK_BYTES_Q8G32(columns) (ISTER_GROUP_HEAD_BYTES(columns) + (size_t)(columns) * 16)
#define ISTER_CHUNK_BYTES_Q4G32(columns) (ISTER_GROUP_HEAD_BYTES(columns) + (size_t)(columns) * 8)

/// Bytes of one panel; columns is a multiple of 32. 0 for an unknown format.
size_t ister_panel_bytes(ister_format format, size_t columns);

/// Bytes of one chunk of a panel; columns 32..256, a multiple of 32.
size_t ister_chunk_bytes(ister_format format, size_t columns);

/// Packs 16 rows of floats into one panel.
/// rows: [16][columns], row-major, finite; columns a multiple of 32 (zero padded by the caller).
/// importance: [columns] non-negative weights of the squared error per column, or null for equal ones; Q4, Q8G32 and
/// Q4G32 use them.
/// ister_calibration.h packs with more knowledge than that.
/// panel: ister_panel_bytes. squared_error, squared_sum: the panel's sum of (w - q)^2 and of w^2 are added.
/// Deterministic; any thread; no state.
void ister_pack_panel(ister_format format, const float *rows, size_t columns, const float *_Nullable importance,
                      void *panel, double *squared_error, double *squared_sum);

/// Lays out 16 rows of groups that are quantized already as one panel of Q8G32 or Q4G32; every bit is kept.
/// scales: [16][columns / 32] binary16, finite. codes: [16][columns], the weight + 128 in Q8G32, + 8 in Q4G32 (below
/// 16). squared_sum: the panel's sum of values^2 is added.
void ister_pack_groups(ister_format format, const uint16_t *scales, const uint8_t *codes, size_t columns, void *panel,
                       double *squared_sum);

/// Whether every scale of a panel, and in F32 every value, is finite. Any bytes may be given. 0 for an unknown format.
int ister_panel_is_finite(ister_format format, const void *panel, size_t columns);

/// Values of one row of a panel as floats: out[columns]. The scalar definition of each format.
void ister_unpack_row(ister_format format, const void *panel, size_t columns, size_t row, float *out);

#pragma clang assume_nonnull end
#endif
