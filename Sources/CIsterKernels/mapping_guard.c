// In C because a signal handler may not run Swift: it could be in the middle of an allocation.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ister_mapping_guard.h"

enum { slot_count = 16 };

typedef struct {
  atomic_bool is_taken;
  atomic_bool is_damaged;
  // 0 while the slot guards nothing.
  _Atomic uintptr_t base;
  _Atomic size_t length;
} guarded_mapping;

static guarded_mapping mappings[slot_count];
static struct sigaction previous;
static uintptr_t page_size;
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;
static bool is_installed;

/// Zeros for everything from the page of `address` on: what lies behind the end of a shrunken file is gone as well.
static bool patch(guarded_mapping *mapping, uintptr_t base, size_t length, uintptr_t address) {
  const uintptr_t page = address & ~(page_size - 1);
  const uintptr_t end = (base + length + page_size - 1) & ~(page_size - 1);
  // First the flag: no thread may read zeros that are not yet known to be wrong.
  atomic_store(&mapping->is_damaged, true);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  return mmap((void *)page, end - page, PROT_READ, flags, -1, 0) != MAP_FAILED;
}

static void pass_on(int signal, siginfo_t *info, void *context) {
  const bool is_sent = info->si_code <= 0;
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_IGN && is_sent) {
    return;
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    // The read happens again and ends the process; a signal that was sent has to be sent again.
    sigaction(signal, &previous, NULL);
    if (is_sent) raise(signal);
  } else {
    previous.sa_handler(signal);
  }
}

static void handle(int signal, siginfo_t *info, void *context) {
  const int saved = errno;
  const uintptr_t address = (uintptr_t)info->si_addr;
  bool is_patched = false;
  for (int32_t slot = 0; slot < slot_count && info->si_code > 0 && !is_patched; slot++) {
    const uintptr_t base = atomic_load(&mappings[slot].base);
    const size_t length = atomic_load(&mappings[slot].length);
    // Another thread may have given the slot to another mapping between the two.
    const bool is_one_mapping = base != 0 && atomic_load(&mappings[slot].base) == base;
    if (is_one_mapping && address >= base && address - base < length) {
      is_patched = patch(&mappings[slot], base, length, address);
    }
  }
  if (!is_patched) pass_on(signal, info, context);
  errno = saved;
}

static bool install(void) {
  pthread_mutex_lock(&installing);
  if (!is_installed) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    is_installed = sigaction(SIGBUS, &action, &previous) == 0;
  }
  const bool result = is_installed;
  pthread_mutex_unlock(&installing);
  return result;
}

int32_t ister_guard_mapping(const void *base, size_t length) {
  if (!install()) return -1;
  for (int32_t slot = 0; slot < slot_count; slot++) {
    if (atomic_exchange(&mappings[slot].is_taken, true)) continue;
    atomic_store(&mappings[slot].is_damaged, false);
    atomic_store(&mappings[slot].length, length);
    atomic_store(&mappings[slot].base, (uintptr_t)base);
    return slot;
  }
  return -1;
}

void ister_release_mapping(int32_t slot) {
  if (slot < 0 || slot >= slot_count) return;
  atomic_store(&mappings[slot].base, 0);
  atomic_store(&mappings[slot].is_taken, false);
}

bool ister_mapping_is_damaged(int32_t slot) {
  return slot >= 0 && slot < slot_count && atomic_load(&mappings[slot].is_damaged);
}

bool ister_file_is_in_memory(int32_t descriptor) {
  struct statfs status;
  if (fstatfs(descriptor, &status) != 0) return false;
  return status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC;
}
