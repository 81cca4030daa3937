// Breaks in every way that a plugin can break.

#include <cassert>

#include "gavel.hpp"

static void spin() {
    volatile std::uint64_t number = 1;
    while (number) number = number * 6364136223846793005u | 1;
}

static void bomb() {
    std::vector<std::string> held;
    for (;;) held.emplace_back(1 << 20, 'x');
}

static std::uint64_t recurse(std::uint64_t depth) {
    volatile std::uint64_t frame[16] = {depth};
    return frame[0] ? recurse(frame[0] + 1) + frame[0] : 0;
}

static gavel::result verify(const gavel::submission &submission, const gavel::options &) {
    if (submission.completion == "panic") assert(!"as asked");
    if (submission.completion == "loop") spin();
    if (submission.completion == "bomb") bomb();
    if (submission.completion == "recurse") return gavel::verdict{static_cast<double>(recurse(1))};
    return gavel::verdict{1};
}

GAVEL_PLUGIN(.name = "faults", .version = "0.1.0", .summary = "Breaks in every way that a plugin can break.");
GAVEL_VERIFY(verify)
