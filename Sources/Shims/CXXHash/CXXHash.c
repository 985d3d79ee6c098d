#include "CXXHash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

murmur_hash128 murmur_xxh3_128(const void *bytes, size_t length, uint64_t seed) {
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, length, seed);
    murmur_hash128 result = {hash.low64, hash.high64};
    return result;
}

static uint64_t little_endian(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

murmur_hash128 murmur_xxh3_128_words(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    const uint64_t words[4] = {little_endian(a), little_endian(b), little_endian(c), little_endian(d)};
    return murmur_xxh3_128(words, sizeof words, 0);
}

uint64_t murmur_xxh3_64(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}
