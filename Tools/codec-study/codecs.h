// Codecs under study, as lists of states. Included by study.c.

static codec_t *new_codec(const char *name, double bits, int block, int top) {
  codec_t *c = calloc(1, sizeof *c);
  c->name = name, c->bits = bits, c->block = block, c->top = top;
  return c;
}

// States m * table, for multipliers first..last and each of the tables.
static codec_t *product_codec(const char *name, double bits, int block, int tables, const int table[][16], int first,
                              int last) {
  int largest = 0;
  for (int t = 0; t < tables; t++)
    for (int i = 0; i < 16; i++) largest = abs(table[t][i]) > largest ? abs(table[t][i]) : largest;
  codec_t *c = new_codec(name, bits, block, largest * (last < -first ? last : -first));
  for (int m = first; m <= last; m++) {
    if (m == 0) continue;
    for (int t = 0; t < tables; t++) {
      int v[16];
      for (int i = 0; i < 16; i++) v[i] = m * table[t][i];
      add_state(c, v);
    }
  }
  return c;
}

// States from an explicit list of multipliers.
static codec_t *listed_codec(const char *name, double bits, int block, int tables, const int table[][16],
                             const int *multipliers, int count) {
  int top = 0;
  codec_t *c = new_codec(name, bits, block, 0);
  for (int k = 0; k < count; k++)
    for (int t = 0; t < tables; t++) {
      int v[16];
      for (int i = 0; i < 16; i++) {
        v[i] = multipliers[k] * table[t][i];
        top = abs(v[i]) > top ? abs(v[i]) : top;
      }
      add_state(c, v);
    }
  c->top = top;
  return c;
}

// States (table * m + round) >> shift: not a product, needs the weight expanded before any dot.
static codec_t *rounded_codec(const char *name, double bits, int block, const int table[2][16], int reach, int shift) {
  codec_t *c = new_codec(name, bits, block, 112);
  for (int m = -reach; m < reach; m++) {
    if (m == 0) continue;
    for (int t = 0; t < 2; t++) {
      int v[16];
      for (int i = 0; i < 16; i++) {
        int r = (table[t][i] * m + (1 << (shift - 1))) >> shift;
        v[i] = r > 127 ? 127 : r < -127 ? -127 : r;
      }
      add_state(c, v);
    }
  }
  return c;
}
