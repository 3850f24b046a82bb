// Which 4-bit codec keeps most of the signal? Prints decibels per codec and source; see README.md.
// A codec is a list of states per block; a state is 16 integer reconstruction values. value = d * integer,
// one d per chunk. Every codec gets the same search: a grid of d, per block the best of all states, refits of d.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 256, MAX_STATES = 256, MAX_SOURCES = 8, LINE = 512 };

typedef struct {
  const char *name;
  double bits;
  int block, states, top;  // top: the largest integer a block is steered to when d is searched
  int8_t values[MAX_STATES][16];
  int8_t nearest[MAX_STATES][LINE];  // by floor(2y) + 256; every threshold is a multiple of 1/2
} codec_t;

typedef struct { const char *name; int rows, columns; float *data; } source_t;

static source_t sources[MAX_SOURCES];
static int source_count;
static int fine = 24;  // candidates of d

static void add_state(codec_t *c, const int values[16]) {
  int v[16];
  memcpy(v, values, sizeof v);
  for (int i = 1; i < 16; i++)
    for (int j = i; j > 0 && v[j - 1] > v[j]; j--) { int t = v[j]; v[j] = v[j - 1]; v[j - 1] = t; }
  int k = c->states++;
  for (int i = 0; i < 16; i++) c->values[k][i] = (int8_t)v[i];
  for (int i = 0, u = 0; i < LINE; i++) {
    double y = (i - 256 + 0.5) / 2;
    while (u < 15 && y > (v[u] + v[u + 1]) / 2.0) u++;
    c->nearest[k][i] = (int8_t)v[u];
  }
}

static double block_error(const codec_t *c, int k, const float *y, const int16_t *index, int n) {
  double e = 0;
  const int8_t *near = c->nearest[k];
  for (int i = 0; i < n; i++) { float t = y[i] - near[index[i]]; e += t * t; }
  return e;
}

// Best states for a given d; refitted d and the error (in units of x) are returned.
static double choose(const codec_t *c, const float *x, int n, double d, double *refit, uint8_t *states) {
  float y[CHUNK];
  int16_t index[CHUNK];
  for (int i = 0; i < n; i++) {
    y[i] = (float)(x[i] / d);
    double f = floor(2.0 * y[i]) + 256;
    index[i] = (int16_t)(f < 0 ? 0 : f > LINE - 1 ? LINE - 1 : f);
  }
  double total = 0, xq = 0, qq = 0;
  for (int b = 0; b < n; b += c->block) {
    double best = INFINITY;
    int pick = 0;
    for (int k = 0; k < c->states; k++) {
      double e = block_error(c, k, y + b, index + b, c->block);
      if (e < best) { best = e; pick = k; }
    }
    states[b / c->block] = (uint8_t)pick;
    total += best;
    for (int i = 0; i < c->block; i++) {
      double q = c->nearest[pick][index[b + i]];
      xq += q * y[b + i], qq += q * q;
    }
  }
  *refit = qq > 0 && xq > 0 ? d * xq / qq : d;
  return total * d * d;
}

static float bf16(double v) {
  float f = (float)v;
  uint32_t b;
  memcpy(&b, &f, 4);
  b = (b + 0x7fff + (b >> 16 & 1)) & 0xffff0000u;
  memcpy(&f, &b, 4);
  return f;
}

static double chunk_error(const codec_t *c, const float *x, int n, double *best_d, uint8_t *states) {
  double amax = 0;
  for (int i = 0; i < n; i++) amax = fmax(amax, fabs(x[i]));
  if (amax == 0) { *best_d = 0; return 0; }
  double best = INFINITY;
  for (int f = 0; f < fine; f++) {
    double d = bf16(amax / c->top * pow(2, -0.25 + 1.15 * f / (fine - 1))), refit;
    for (int again = 0; again < 3; again++) {
      double e = choose(c, x, n, d, &refit, states);
      if (e < best) { best = e; *best_d = d; }
      refit = bf16(refit);
      if (refit == d) break;
      d = refit;
    }
  }
  double unused;
  choose(c, x, n, *best_d, &unused, states);
  return best;
}

static double decibels(const codec_t *c, const source_t *s) {
  double e = 0, p = 0, d;
  uint8_t states[CHUNK];
  for (int r = 0; r < s->rows; r++)
    for (int k = 0; k < s->columns; k += CHUNK) {
      const float *x = s->data + (size_t)r * s->columns + k;
      int n = s->columns - k < CHUNK ? s->columns - k : CHUNK;
      for (int i = 0; i < n; i++) p += (double)x[i] * x[i];
      e += chunk_error(c, x, n, &d, states);
    }
  return 10 * log10(p / e);
}

// ---- sources ----
static uint64_t seed = 0x9e3779b97f4a7c15u;
static double uniform(void) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return ((seed >> 11) + 0.5) / 9007199254740992.0;
}
static double gauss(void) { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()); }
static double laplace(void) { double u = uniform() - 0.5; return (u < 0 ? 1 : -1) * log(1 - 2 * fabs(u)); }
static double student5(void) {
  double chi = 0;
  for (int i = 0; i < 5; i++) { double g = gauss(); chi += g * g; }
  return gauss() / sqrt(chi / 5);
}
static void add_synthetic(const char *name, double (*draw)(void), int rows) {
  source_t *s = &sources[source_count++];
  *s = (source_t){name, rows, 2560, malloc(sizeof(float) * 2560 * (size_t)rows)};
  for (int i = 0; i < rows * 2560; i++) s->data[i] = (float)draw();
}
static void add_file(const char *path, int rows) {
  const char *dash = strrchr(path, '-');
  FILE *f = fopen(path, "rb");
  if (!f || !dash) { fprintf(stderr, "cannot read %s (name-COLUMNS.f32)\n", path); exit(1); }
  source_t *s = &sources[source_count++];
  int columns = atoi(dash + 1);
  s->data = malloc(sizeof(float) * (size_t)columns * (size_t)rows);
  s->name = dash - 4;
  s->columns = columns;
  s->rows = (int)(fread(s->data, sizeof(float), (size_t)columns * (size_t)rows, f) / (size_t)columns);
  fclose(f);
}

#include "codecs.h"
#include "search.h"
#include "table.h"

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: study table|search-shift|search-two|search-five ROWS [real-COLUMNS.f32 ...]\n");
    return 2;
  }
  int rows = atoi(argv[2]);
  add_synthetic("gauss", gauss, rows);
  add_synthetic("laplace", laplace, rows);
  add_synthetic("student5", student5, rows);
  for (int i = 3; i < argc && source_count < MAX_SOURCES; i++) add_file(argv[i], rows * 4);
  if (strncmp(argv[1], "search-", 7) == 0) return search(argv[1] + 7);
  print_table();
  return 0;
}
