#ifndef MURMUR_CXXHASH_H
#define MURMUR_CXXHASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t low;
    uint64_t high;
} murmur_hash128;

/// XXH3, 128 bits, seeded.
///
/// Not inline on purpose: what Swift imports as inline C is compiled without inlining inside it, which makes XXH3 twice as slow.
murmur_hash128 murmur_xxh3_128(const void *bytes, size_t length, uint64_t seed);

/// XXH3, 128 bits, of four words, each as its 8 bytes in little-endian order.
murmur_hash128 murmur_xxh3_128_words(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/// XXH3, 64 bits, seeded.
uint64_t murmur_xxh3_64(const void *bytes, size_t length, uint64_t seed);

#endif
