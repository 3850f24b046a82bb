#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint64_t next_number(seeded_t *seeded) {
  uint64_t z = seeded->state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void fill_floats(seeded_t *seeded, float magnitude, float *to, size_t count) {
  for (size_t i = 0; i < count; i++) {
    // 24 bits are exact in a float, so only the last product rounds.
    int32_t number = (int32_t)(next_number(seeded) >> 40) - (1 << 23);
    to[i] = (float)number * 0x1p-23f * magnitude;
  }
}

void fill_bytes(seeded_t *seeded, uint8_t *to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = (uint8_t)next_number(seeded);
}

void fill_mixed(seeded_t *seeded, float *to, size_t count) {
  static const float special[16] = {0.0f,   -0.0f,  0x1p-149f, -0x1p-127f, 0x1p-126f, -0x1p-126f, 1e-38f, -3e-38f,
                                    1e-30f, -1e-20f, 1e-10f,   -1.0f,      1e3f,      -1e6f,      1e15f,  -3e18f};
  fill_floats(seeded, 1.0f, to, count);
  for (size_t i = 0; i < count; i++) {
    uint64_t number = next_number(seeded);
    if (number >> 62 == 0) memcpy(&to[i], &special[number & 15], sizeof(float));
  }
}

void *guarded(size_t bytes) {
  // Arm's pages may have 64 KiB.
  const size_t page = 65536, whole = (bytes + page - 1) / page * page;
  char *memory = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE) != 0) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    abort();
  }
  return memory + whole - bytes;
}

enum { MOST_REPORTED = 20, MOST_SUBJECTS = 32 };

static size_t checks, failures;

static void fail(const char *table, const char *subject, const char *description) {
  if (failures++ < MOST_REPORTED) fprintf(stderr, "FAILED %s %s, %s", table, subject, description);
  else if (failures == MOST_REPORTED + 1) fprintf(stderr, "further failures are counted only");
  if (failures <= MOST_REPORTED + 1) fputc('\n', stderr);
}

void check_true(int condition, const char *table, const char *subject, const char *description) {
  checks++;
  if (!condition) fail(table, subject, description);
}

void check_same(const char *table, const char *subject, const char *description, const void *expected,
                const void *found, size_t bytes) {
  checks++;
  if (memcmp(expected, found, bytes) == 0) return;
  const uint8_t *a = expected, *b = found;
  size_t first = 0, different = 0;
  for (size_t i = bytes; i-- > 0;) {
    if (a[i] != b[i]) first = i, different++;
  }
  uint32_t words[2] = {0, 0};
  const size_t start = first / 4 * 4, size = bytes - start < 4 ? bytes - start : 4;
  memcpy(&words[0], a + start, size);
  memcpy(&words[1], b + start, size);
  char text[400];
  snprintf(text, sizeof text, "%s: %zu of %zu bytes differ from scalar's, first word %zu: scalar %08x, found %08x",
           description, different, bytes, start / 4, words[0], words[1]);
  fail(table, subject, text);
}

typedef struct {
  const char *subject;
  uint64_t hash;
} subject_hash;

static subject_hash hashes[MOST_SUBJECTS];
static size_t hashed;

void hash_results(const char *subject, const void *bytes, size_t count) {
  size_t at = 0;
  while (at < hashed && strcmp(hashes[at].subject, subject) != 0) at++;
  if (at == hashed) {
    if (hashed == MOST_SUBJECTS) abort();
    hashes[hashed++] = (subject_hash){subject, 0xCBF29CE484222325u};
  }
  const uint8_t *p = bytes;
  for (size_t i = 0; i < count; i++) hashes[at].hash = (hashes[at].hash ^ p[i]) * 0x100000001B3u;
}

void print_hashes(void) {
  for (size_t i = 0; i < hashed; i++) {
    printf("hash %016llx %s\n", (unsigned long long)hashes[i].hash, hashes[i].subject);
  }
}

size_t check_count(void) { return checks; }
size_t failure_count(void) { return failures; }
