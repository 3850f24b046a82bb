#include "cycles.h"

#define FOUR(x) x x x x
#define SIXTY_FOUR(x) FOUR(FOUR(FOUR(x)))

uint64_t ister_run_cycles(uint64_t rounds) {
#if defined(__x86_64__)
  // A multiplication of 32 bits takes 3 cycles on every Zen and on Intel's large and small cores; of 64 bits 5 on the
  // small ones. An addition would not do: some cores fold additions of constants into register renaming.
  uint32_t value = 3;
  for (uint64_t i = 0; i < rounds; i++) {
    __asm__ volatile(SIXTY_FOUR("imull %0, %0\n") : "+r"(value));
  }
  return rounds * 64 * 3;
#elif defined(__aarch64__)
  // The latency of a multiplication differs between Arm cores; an addition of a register takes 1 cycle on all.
  uint64_t value = 3;
  for (uint64_t i = 0; i < rounds; i++) {
    __asm__ volatile(SIXTY_FOUR("add %0, %0, %0\n") : "+r"(value));
  }
  return rounds * 64;
#else
#error "no chain of known latency for this processor"
#endif
}
