#ifndef MURMUR_CRE2_H
#define MURMUR_CRE2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct murmur_re2 murmur_re2;

/// Compiles `pattern` (RE2 syntax, UTF-8) with at most `memory_max` bytes for its program and caches.
/// On failure returns NULL and writes a NUL-terminated reason into `error`.
murmur_re2 *murmur_re2_compile(const char *pattern, size_t length, int64_t memory_max, char *error, size_t error_size);

/// Whether the whole of `text` matches. Safe to call from several threads at once.
bool murmur_re2_full_match(const murmur_re2 *expression, const char *text, size_t length);

/// Number of capturing groups.
int murmur_re2_groups(const murmur_re2 *expression);

/// Full match with groups: for group g (0 is the whole) writes begin and end offsets to `offsets[2g]`, `offsets[2g+1]`
/// (-1, -1 when the group did not take part). `groups` is the number of pairs in `offsets`.
bool murmur_re2_full_match_groups(
    const murmur_re2 *expression, const char *text, size_t length, ptrdiff_t *offsets, int groups);

/// Name of group `g`, or NULL when it has none; valid as long as the expression.
const char *murmur_re2_group_name(const murmur_re2 *expression, int g);

void murmur_re2_free(murmur_re2 *expression);

#ifdef __cplusplus
}
#endif

#endif
