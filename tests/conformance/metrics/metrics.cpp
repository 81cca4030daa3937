// Says two hundred numbers.

#include <array>

#include "gavel.hpp"

// `m000` to `m199`, each with the NUL that ends it.
static constexpr auto NAMES = [] {
    std::array<std::array<char, 5>, 200> names{};
    for (int index = 0; index < 200; index++) {
        char hundreds = '0' + index / 100, tens = '0' + index / 10 % 10, ones = '0' + index % 10;
        names[index] = {'m', hundreds, tens, ones, '\0'};
    }
    return names;
}();

static constexpr auto METRICS = [] {
    std::array<const char *, 201> pointers{};
    for (int index = 0; index < 200; index++) pointers[index] = NAMES[index].data();
    return pointers;
}();

static gavel::result verify(const gavel::submission &, const gavel::options &) {
    gavel::verdict verdict{0.5};
    for (int index = 0; index < 200; index++) verdict.metrics.emplace_back(METRICS[index], index / 2.0);
    return verdict;
}

GAVEL_PLUGIN(.name = "metrics", .version = "0.1.0", .summary = "Says two hundred numbers.",
             .metrics = METRICS.data());
GAVEL_VERIFY(verify)
