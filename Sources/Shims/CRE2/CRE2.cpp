#include "CRE2.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <vector>

struct murmur_re2 {
    RE2 expression;
    murmur_re2(const re2::StringPiece &pattern, const RE2::Options &options) : expression(pattern, options) {}
};

murmur_re2 *murmur_re2_compile(const char *pattern, size_t length, int64_t memory_max, char *error, size_t error_size) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(memory_max);
    options.set_dot_nl(true);  // Prometheus compiles with (?s)
    auto *compiled = new murmur_re2(re2::StringPiece(pattern, length), options);
    if (compiled->expression.ok()) return compiled;
    std::snprintf(error, error_size, "%s", compiled->expression.error().c_str());
    delete compiled;
    return nullptr;
}

bool murmur_re2_full_match(const murmur_re2 *compiled, const char *text, size_t length) {
    return compiled->expression.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH, nullptr, 0);
}

int murmur_re2_groups(const murmur_re2 *compiled) { return compiled->expression.NumberOfCapturingGroups(); }

bool murmur_re2_full_match_groups(
    const murmur_re2 *compiled, const char *text, size_t length, ptrdiff_t *offsets, int groups) {
    std::vector<re2::StringPiece> found(static_cast<size_t>(groups));
    if (!compiled->expression.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH, found.data(), groups))
        return false;
    for (int g = 0; g < groups; g++) {
        bool took_part = found[g].data() != nullptr;
        offsets[2 * g] = took_part ? found[g].data() - text : -1;
        offsets[2 * g + 1] = took_part ? found[g].data() - text + static_cast<ptrdiff_t>(found[g].size()) : -1;
    }
    return true;
}

const char *murmur_re2_group_name(const murmur_re2 *compiled, int g) {
    const auto &names = compiled->expression.CapturingGroupNames();
    auto found = names.find(g);
    return found == names.end() ? nullptr : found->second.c_str();
}

void murmur_re2_free(murmur_re2 *compiled) { delete compiled; }
