#include "thread_trial.h"

#include <pthread.h>
#include <stdlib.h>

static void *pass_through(void *gate) {
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  return NULL;
}

int ister_has_threads(size_t count) {
  if (count == 0) return 1;
  pthread_t *threads = malloc(count * sizeof(pthread_t));
  if (!threads) return 0;
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&gate);
  size_t started = 0;
  while (started < count && pthread_create(&threads[started], NULL, pass_through, &gate) == 0) started++;
  pthread_mutex_unlock(&gate);
  for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
  return started == count;
}
