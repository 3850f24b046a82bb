// What team.c needs of OpenMP, on plain threads, so that a sanitizer sees every synchronization: the runtime library is
// built without one. The compiler turns `omp parallel` and `omp single` into calls of these functions.
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

typedef void (*microtask)(int32_t *global, int32_t *local, void *argument);

typedef struct {
  microtask task;
  void *argument;
  int32_t number;
} thread_job;

static int wanted = 1, running = 1;
static _Thread_local int32_t number;
static pthread_barrier_t all;

int omp_get_thread_num(void) { return number; }
int omp_get_num_threads(void) { return running; }
void kmp_set_blocktime(int milliseconds) { (void)milliseconds; }
int32_t __kmpc_global_thread_num(void *location) { return (void)location, number; }
void __kmpc_push_num_threads(void *location, int32_t global, int32_t count) {
  (void)location, (void)global;
  wanted = count;
}
int32_t __kmpc_single(void *location, int32_t global) { return (void)location, (void)global, number == 0; }
void __kmpc_end_single(void *location, int32_t global) { (void)location, (void)global; }
void __kmpc_barrier(void *location, int32_t global) {
  (void)location, (void)global;
  pthread_barrier_wait(&all);
}

static void *run(void *context) {
  thread_job *job = context;
  number = job->number;
  int32_t global = number, local = number;
  job->task(&global, &local, job->argument);
  return NULL;
}

/// team.c's region captures one pointer.
void __kmpc_fork_call(void *location, int32_t count, microtask task, ...) {
  (void)location;
  if (count != 1) abort();
  va_list arguments;
  va_start(arguments, task);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  running = wanted;
  pthread_barrier_init(&all, NULL, (unsigned)running);
  pthread_t threads[64];
  thread_job jobs[64];
  if (running > 64) abort();
  for (int i = 0; i < running; i++) jobs[i] = (thread_job){task, argument, i};
  for (int i = 1; i < running; i++) {
    if (pthread_create(&threads[i], NULL, run, &jobs[i])) abort();
  }
  run(&jobs[0]);
  for (int i = 1; i < running; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&all);
}
