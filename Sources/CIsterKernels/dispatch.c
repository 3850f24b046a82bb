// Chooses a table by what this processor can run. __builtin_cpu_supports also asks the operating system (XGETBV); on
// Arm the operating system reports what it lets a program use.
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "ister_kernels.h"

/// Tables of one architecture.
enum { MOST_TABLES = 5 };

extern const ister_kernels ister_kernels_scalar;
#if defined(__x86_64__)
extern const ister_kernels ister_kernels_avx2;
extern const ister_kernels ister_kernels_avxvnni;
extern const ister_kernels ister_kernels_avx512vnni;
extern const ister_kernels ister_kernels_avx512vbmi;

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int has_avx512vnni(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
#elif defined(__aarch64__)
extern const ister_kernels ister_kernels_neondotprod;
extern const ister_kernels ister_kernels_neoni8mm;

static int has_dotprod(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }

static int has_i8mm(void) { return (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
#endif

size_t ister_available_kernels(const ister_kernels *tables[], size_t capacity) {
  const ister_kernels *found[MOST_TABLES];
  size_t count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_avx2() && has_avx512vnni() && __builtin_cpu_supports("avx512vbmi")) {
    found[count++] = &ister_kernels_avx512vbmi;
  }
  if (has_avx2() && has_avx512vnni()) found[count++] = &ister_kernels_avx512vnni;
  if (has_avx2() && __builtin_cpu_supports("avxvnni")) found[count++] = &ister_kernels_avxvnni;
  if (has_avx2()) found[count++] = &ister_kernels_avx2;
#elif defined(__aarch64__)
  if (has_dotprod() && has_i8mm()) found[count++] = &ister_kernels_neoni8mm;
  if (has_dotprod()) found[count++] = &ister_kernels_neondotprod;
#endif
  found[count++] = &ister_kernels_scalar;
  for (size_t i = 0; i < count && i < capacity; i++) tables[i] = found[i];
  return count < capacity ? count : capacity;
}

const ister_kernels *ister_kernels_named(const char *name) {
  const ister_kernels *tables[MOST_TABLES];
  size_t count = ister_available_kernels(tables, MOST_TABLES);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(tables[i]->name, name) == 0) return tables[i];
  }
  return NULL;
}
