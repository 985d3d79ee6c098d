#ifndef MURMUR_CINTRINSICS_H
#define MURMUR_CINTRINSICS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin).
uint32_t murmur_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The table-driven version of `murmur_crc32c`, for machines without the instruction and for its test.
uint32_t murmur_crc32c_table(uint32_t crc, const void *bytes, size_t length);

/// Asks the processor to bring the cache line at `address` closer; never faults.
static inline void murmur_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// The system's words for an error number; they last until the next call on the thread.
static inline const char *murmur_error_text(int number) { return strerror(number); }

#endif
