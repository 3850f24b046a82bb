// Usage: harness             all checks, then the hashes of scalar's results
//        harness tables      names of the tables that this processor runs, best first
//        harness refuses T   whether the table T cannot be had
#include "harness.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "ister_team.h"

// The team is built without OpenMP and has one worker.
int omp_get_thread_num(void) { return 0; }
int omp_get_num_threads(void) { return 1; }
void kmp_set_blocktime(int milliseconds) { (void)milliseconds; }

static float product(float a, float b) {
  volatile float x = a, y = b;
  return x * y;
}

/// Flushing as in the contract; and the one case in which x86 and Arm flush differently: a result that is below the
/// normal range before it is rounded but not after.
static void check_flushing(void) {
  check_true(product(0x1p-126f, 0.5f) == 0.0f, "worker", "float control", "a subnormal result is 0");
  check_true(product(0x1p-149f, 0x1p100f) == 0.0f, "worker", "float control", "a subnormal input is 0");
#if defined(__x86_64__)
  const float rounded_up = FLT_MIN;
#else
  const float rounded_up = 0.0f;
#endif
  check_true(product(0x1.000002p-126f, 0x1.fffffcp-1f) == rounded_up, "worker", "float control",
             "the smallest normal number, reached by rounding up, stays on x86 and is 0 on Arm");
}

static void check_tables(void *context, ister_team *team, size_t worker) {
  (void)team, (void)worker;
  const tables_t *tables = context;
  check_flushing();
  check_matmul(tables);
  check_elementwise(tables);
  check_attention(tables);
  check_half_precision(tables);
}

static int run_all(tables_t *tables) {
  ister_team *team = ister_team_create(1, 0);
  if (!team) return 1;
  // Under the float control that users' workers have.
  ister_team_run(team, check_tables, tables);
  ister_team_destroy(team);
  check_true(product(0x1p-126f, 0.5f) != 0.0f, "caller", "float control", "the caller's subnormal numbers are back");
  check_packing();
  print_hashes();
  printf("%zu checks of %zu tables against scalar, %zu failed\n", check_count(), tables->count, failure_count());
  return failure_count() != 0;
}

int main(int count, char **arguments) {
  const ister_kernels *list[8];
  size_t available = ister_available_kernels(list, 8);
  if (count == 3 && strcmp(arguments[1], "refuses") == 0) return ister_kernels_named(arguments[2]) != NULL;
  if (count == 2 && strcmp(arguments[1], "tables") == 0) {
    for (size_t i = 0; i < available; i++) printf("%s%s", i ? " " : "", list[i]->name);
    printf("\n");
    return 0;
  }
  if (count != 1) return 2;
  tables_t tables = {.scalar = ister_kernels_named("scalar"), .count = available - 1};
  memcpy(tables.others, list, (available - 1) * sizeof *list);
  return run_all(&tables);
}
