#ifndef MURMUR_CXXHASH_H
#define MURMUR_CXXHASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct {
    uint64_t low;
    uint64_t high;
} murmur_hash128;

/// XXH3, 128 bits, seeded.
static inline murmur_hash128 murmur_xxh3_128(const void *bytes, size_t length, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, length, seed);
    murmur_hash128 result = {hash.low64, hash.high64};
    return result;
}

/// XXH3, 64 bits, seeded.
static inline uint64_t murmur_xxh3_64(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}

#endif
