#include "CIntrinsics.h"

#include <string.h>

// Reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4), one byte a step.
static uint32_t table[256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
        table[byte] = crc;
    }
}

uint32_t murmur_crc32c_table(uint32_t crc, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    crc = ~crc;
    while (length--) crc = (crc >> 8) ^ table[(crc ^ *at++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    uint64_t state = (uint32_t)~crc;
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    for (; length; length--) state = __builtin_ia32_crc32qi((uint32_t)state, *at++);
    return ~(uint32_t)state;
}

uint32_t murmur_crc32c(uint32_t crc, const void *bytes, size_t length) {
    if (__builtin_cpu_supports("sse4.2")) return crc32c_instruction(crc, bytes, length);
    return murmur_crc32c_table(crc, bytes, length);
}

#else

uint32_t murmur_crc32c(uint32_t crc, const void *bytes, size_t length) { return murmur_crc32c_table(crc, bytes, length); }

#endif
