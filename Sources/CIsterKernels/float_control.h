#ifndef ISTER_FLOAT_CONTROL_H
#define ISTER_FLOAT_CONTROL_H

#include <stdint.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/// The register that says how a thread rounds and what becomes of denormal numbers.
#if defined(__x86_64__)
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };

static inline uint64_t read_float_control(void) { return _mm_getcsr(); }
static inline void write_float_control(uint64_t control) { _mm_setcsr((unsigned int)control); }
#else
/// Arm's FZ is for inputs and results alike.
enum { FLUSH_TO_ZERO = 1 << 24, DENORMALS_ARE_ZERO = FLUSH_TO_ZERO };

static inline uint64_t read_float_control(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control)::"memory");
  return control;
}
static inline void write_float_control(uint64_t control) { __asm__ volatile("msr fpcr, %0" ::"r"(control) : "memory"); }
#endif

#endif
