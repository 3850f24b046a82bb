// Coordinate descent over integer tables. Included by study.c.

static int multipliers[MAX_STATES], multiplier_count, limit = 15;

// ISTER_SHIFT: first shift. ISTER_WIDE: table 1 starts as this many percent of table 0's size.
// ISTER_MULTIPLIERS: a list instead of -8..7. ISTER_LIMIT: the largest codebook value.
static int from_environment(const char *name, int otherwise) {
  const char *v = getenv(name);
  return v ? atoi(v) : otherwise;
}

typedef struct { int table[2][16]; int shift; } tables_t;

static codec_t *codec_of(const char *kind, tables_t *t) {
  if (strcmp(kind, "shift") == 0)
    for (int i = 0; i < 16; i++) t->table[1][i] = t->table[0][i] + t->shift;
  if (strcmp(kind, "five") == 0) return product_codec(kind, 4.375, 16, 1, t->table, -15, 15);
  if (multiplier_count > 0) return listed_codec(kind, 4.375, 16, 2, t->table, multipliers, multiplier_count);
  return product_codec(kind, 4.375, 16, 2, t->table, -8, 7);
}

static int limit_of(const char *kind) { return strcmp(kind, "five") == 0 ? 8 : limit; }

static double objective(const char *kind, tables_t *t, double *each) {
  int limit = limit_of(kind);
  codec_t *c = codec_of(kind, t);
  double sum = 0;
  for (int k = 0; k < 2 && limit != 8; k++)
    for (int i = 0; i < 16; i++)
      if (abs(t->table[k][i]) > limit) { free(c); return -1; }
  for (int i = 0; i < source_count; i++) {
    double v = decibels(c, &sources[i]);
    if (each) each[i] = v;
    sum += v;
  }
  free(c);
  return sum / source_count;
}

static void show(tables_t *t, double best) {
  printf("%.4f dB shift %d\n", best, t->shift);
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < 16; i++) printf(" %d,", t->table[k][i]);
    printf("\n");
  }
  fflush(stdout);
}

static tables_t start(const char *kind) {
  static const int shape[16] = {-15, -12, -10, -8, -6, -4, -3, -1, 0, 1, 3, 4, 6, 8, 10, 13};
  tables_t t = {.shift = from_environment("ISTER_SHIFT", 1)};
  limit = from_environment("ISTER_LIMIT", 15);
  char *list = getenv("ISTER_MULTIPLIERS");
  for (char *p = list ? strtok(list, ",") : NULL; p; p = strtok(NULL, ",")) multipliers[multiplier_count++] = atoi(p);
  int wide = from_environment("ISTER_WIDE", 0);
  const char *both = getenv("ISTER_START");  // 32 numbers instead of the shape
  if (both) {
    for (int i = 0; i < 32; i++) t.table[i / 16][i % 16] = (int)strtol(both, (char **)&both, 10), both += *both == ',';
    return t;
  }
  for (int i = 0; i < 16; i++) {
    int v = (int)lround(shape[i] * (limit - t.shift * (shape[i] > 0)) / 15.0);
    t.table[0][i] = strcmp(kind, "five") == 0 ? i - 8 : v;
    t.table[1][i] = wide ? (int)lround(v * wide / 100.0) : v + t.shift > limit ? limit : v + t.shift;
  }
  return t;
}

static int search(const char *kind) {
  tables_t t = start(kind);
  int is_shift = strcmp(kind, "shift") == 0, most = limit_of(kind);
  fine = 7;
  double best = objective(kind, &t, NULL);
  show(&t, best);
  for (int sweep = 0, improved = 1; improved && sweep < 8; sweep++) {
    improved = 0;
    int count = strcmp(kind, "two") == 0 ? 32 : 16;
    for (int i = 0; i < count + is_shift; i++)
      for (int step = -1; step <= 1; step += 2)
        for (;;) {
          tables_t n = t;
          if (i == count) n.shift += step;
          else n.table[i / 16][i % 16] += step;
          if (i < count && abs(n.table[i / 16][i % 16]) > most) break;
          double v = objective(kind, &n, NULL);
          if (v <= best + 1e-5) break;
          best = v, t = n, improved = 1;
        }
    show(&t, best);
  }
  return 0;
}
