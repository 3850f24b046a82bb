#ifndef ISTER_CODEBOOK_H
#define ISTER_CODEBOOK_H

#include <stdint.h>

/// Q4's two tables of 16 reconstruction values, ascending; code 8 is zero in both. Part of the format: a change
/// makes every stored model unreadable.
///
/// integer weight = s * ister_q4_codebook[t][u], with s = -8..7; |integer weight| <= 120.
/// A table's mirror image needs no table of its own: a negative s is the mirror. Table 1 is about 0.7 times as
/// wide and longer on one side: besides another shape it offers a step between two neighbours of s.
///
/// Found by coordinate descent over integer tables on the mean signal-to-noise ratio of Gaussian, Laplace,
/// Student-t (5 degrees of freedom) and trained weights: Tools/codec-study. A table and its shifted copy reach 0.16 dB
/// less.
static const int8_t ister_q4_codebook[2][16] = {
    {-15, -12, -10, -8, -6, -4, -2, -1, 0, 1, 2, 3, 5, 7, 9, 12},
    {-14, -9, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8},
};

enum {
  /// Largest magnitude in the tables: a dot of 16 codes with int8 activations (|.| <= 127) fits int16.
  ISTER_Q4_CODEBOOK_MAX = 15,
};

#endif
