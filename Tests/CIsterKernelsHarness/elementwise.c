// Activation quantization, norm, rotation, gate and the streaming yardstick.
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 2560, STEPS = MOST / ISTER_STEP, SUBBLOCKS = MOST / ISTER_SUBBLOCK };

typedef struct {
  int32_t status;
  float scales[STEPS];
  int32_t subblocks[SUBBLOCKS], steps[STEPS];
  int8_t values[MOST];
} quantized;

static void quantize(const tables_t *tables, const float *x, size_t count, const char *description) {
  static quantized expected, found;
  memset(&expected, 0x55, sizeof expected);
  expected.status =
      tables->scalar->quantize_row(x, count, expected.values, expected.scales, expected.subblocks, expected.steps);
  hash_results("quantize_row", &expected, sizeof expected);
  for (size_t i = 0; i < tables->count; i++) {
    memset(&found, 0x55, sizeof found);
    found.status =
        tables->others[i]->quantize_row(x, count, found.values, found.scales, found.subblocks, found.steps);
    check_same(tables->others[i]->name, "quantize_row", description, &expected, &found, sizeof found);
  }
}

static void check_quantize(const tables_t *tables) {
  static const size_t counts[] = {32, 64, 576, MOST};
  static const float magnitudes[] = {1e-40f, 1e-35f, 1e-30f, 1e-20f, 1.0f, 1e30f, 3e38f};
  seeded_t seeded = {9};
  char description[80];
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    float *x = guarded(counts[c] * sizeof(float));
    for (size_t m = 0; m < sizeof magnitudes / sizeof *magnitudes; m++) {
      fill_floats(&seeded, magnitudes[m], x, counts[c]);
      snprintf(description, sizeof description, "%zu columns up to %g", counts[c], (double)magnitudes[m]);
      quantize(tables, x, counts[c], description);
    }
    fill_mixed(&seeded, x, counts[c]);
    quantize(tables, x, counts[c], "mixed sizes");
    // Halves between integers: x * (127 / 127) must round to even.
    for (size_t i = 0; i < counts[c]; i++) x[i] = i % ISTER_STEP == 0 ? 127.0f : (float)(i % 253) * 0.5f - 63.0f;
    quantize(tables, x, counts[c], "ties");
    const float bad[] = {__builtin_nanf(""), -__builtin_nanf(""), __builtin_inff(), -__builtin_inff()};
    for (size_t b = 0; b < 4; b++) {
      fill_floats(&seeded, 1.0f, x, counts[c]);
      x[(b * 7 + 3) % counts[c]] = bad[b];
      quantize(tables, x, counts[c], "not finite");
    }
  }
}

static void check_norm(const tables_t *tables) {
  static const size_t widths[] = {16, 64, 172, MOST};
  static float expected[MOST], found[MOST];
  seeded_t seeded = {3};
  char description[80];
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    const size_t padded = (widths[w] + 15) / 16 * 16;
    float *x = guarded(padded * sizeof(float)), *weight = guarded(padded * sizeof(float));
    fill_floats(&seeded, 1.0f, weight, widths[w]);
    for (int kind = 0; kind < 6; kind++) {
      if (kind % 3 == 2) memset(x, 0, widths[w] * sizeof(float));
      else if (kind % 3) fill_mixed(&seeded, x, widths[w]);
      else fill_floats(&seeded, 3.0f, x, widths[w]);
      const int offset = kind / 3;
      tables->scalar->rms_norm(x, weight, widths[w], 1e-5f, offset, expected);
      hash_results("rms_norm", expected, padded * sizeof(float));
      snprintf(description, sizeof description, "width %zu, kind %d, offset %d", widths[w], kind % 3, offset);
      for (size_t i = 0; i < tables->count; i++) {
        tables->others[i]->rms_norm(x, weight, widths[w], 1e-5f, offset, found);
        check_same(tables->others[i]->name, "rms_norm", description, expected, found, padded * sizeof(float));
      }
    }
  }
}

static void check_rotation(const tables_t *tables) {
  static const size_t halves[] = {2, 10, 16, 32, 40, 64, 100};
  seeded_t seeded = {5};
  char description[80];
  for (size_t h = 0; h < sizeof halves / sizeof *halves; h++) {
    const size_t half = halves[h], bytes = 2 * half * sizeof(float);
    float *cosines = guarded(half * sizeof(float)), *sines = guarded(half * sizeof(float));
    float *head = guarded(bytes), *expected = guarded(bytes), *found = guarded(bytes);
    for (int kind = 0; kind < 2; kind++) {
      fill_floats(&seeded, 1.0f, cosines, half);
      fill_floats(&seeded, 1.0f, sines, half);
      if (kind) fill_mixed(&seeded, head, 2 * half);
      else fill_floats(&seeded, 4.0f, head, 2 * half);
      memcpy(expected, head, bytes);
      tables->scalar->rotate(expected, cosines, sines, half);
      hash_results("rotate", expected, bytes);
      snprintf(description, sizeof description, "half %zu, kind %d", half, kind);
      for (size_t i = 0; i < tables->count; i++) {
        memcpy(found, head, bytes);
        tables->others[i]->rotate(found, cosines, sines, half);
        check_same(tables->others[i]->name, "rotate", description, expected, found, bytes);
      }
    }
  }
}

static void check_gate(const tables_t *tables) {
  static const float ends[16] = {-3e38f, -1000, -88, -87.0001f, -87, -86.9999f, -1e-30f, -0.0f,
                                 0.0f,   1e-40f, 1,  20,        87,  88.5f,     1000,    3e38f};
  enum { COUNT = 16 + 1024, BYTES = COUNT * sizeof(float) };
  float *gate = guarded(BYTES), *up = guarded(BYTES), *expected = guarded(BYTES), *found = guarded(BYTES);
  seeded_t seeded = {7};
  fill_floats(&seeded, 100.0f, gate, COUNT);
  fill_floats(&seeded, 2.0f, up, COUNT);
  memcpy(gate, ends, sizeof ends);
  memcpy(expected, gate, BYTES);
  tables->scalar->swiglu(expected, up, COUNT);
  hash_results("swiglu", expected, BYTES);
  for (size_t i = 0; i < tables->count; i++) {
    memcpy(found, gate, BYTES);
    tables->others[i]->swiglu(found, up, COUNT);
    check_same(tables->others[i]->name, "swiglu", "16 ends and 1024 gates within 100", expected, found, BYTES);
  }
}

static void check_stream(const tables_t *tables) {
  enum { BYTES = 1 << 20 };
  uint8_t *bytes = guarded(BYTES);
  seeded_t seeded = {8};
  fill_bytes(&seeded, bytes, BYTES);
  uint64_t expected = tables->scalar->stream(bytes, BYTES);
  hash_results("stream", &expected, sizeof expected);
  for (size_t i = 0; i < tables->count; i++) {
    uint64_t found = tables->others[i]->stream(bytes, BYTES);
    check_same(tables->others[i]->name, "stream", "1 MiB", &expected, &found, sizeof found);
  }
}

/// Only the count is known; that it returns at all shows that the processor has the instructions.
static void check_integer_peak(const tables_t *tables) {
  for (size_t i = 0; i <= tables->count; i++) {
    const ister_kernels *table = i < tables->count ? tables->others[i] : tables->scalar;
    const uint64_t one = table->integer_peak(1);
    check_true(one > 0 && table->integer_peak(0) == 0 && table->integer_peak(1000) == 1000 * one, table->name,
               "integer_peak", "every round counts the same products");
  }
}

void check_elementwise(const tables_t *tables) {
  check_quantize(tables);
  check_norm(tables);
  check_rotation(tables);
  check_gate(tables);
  check_stream(tables);
  check_integer_peak(tables);
}
