#ifndef ISTER_MAPPING_GUARD_H
#define ISTER_MAPPING_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A file that shrinks while it is mapped, or a disk that fails, turns a read of its pages into SIGBUS. While a mapping
/// is guarded, such a read gets zeros instead and the mapping counts as damaged from before the zeros can be seen: who
/// computes with it asks after each piece of work and throws the piece away.
/// A file that is overwritten in place without shrinking is not noticed.
///
/// base: on a page boundary. At most 16 mappings at a time. Returns a slot, or -1 when none is free or the handler
/// cannot be installed. Any thread.
int32_t ister_guard_mapping(const void *base, size_t length);

/// Call before the mapping goes away.
void ister_release_mapping(int32_t slot);

bool ister_mapping_is_damaged(int32_t slot);

/// Whether the file system of an open file keeps its files in memory (tmpfs, ramfs): its pages cannot be dropped.
bool ister_file_is_in_memory(int32_t descriptor);

#pragma clang assume_nonnull end

#endif
