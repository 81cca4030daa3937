// Says the number that the reference is, and its bits.

#include <bit>
#include <cstdlib>

#include "gavel.hpp"

static gavel::result verify(const gavel::submission &submission, const gavel::options &) {
    if (!submission.reference) return gavel::invalid_task("no reference");
    std::string text(*submission.reference);
    char *end;
    double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end) return gavel::invalid_task("\"" + text + "\" is no number");
    auto bits = std::bit_cast<std::uint64_t>(value);
    return gavel::verdict{value}
        .metric("value", value)
        .metric("high", static_cast<double>(bits >> 32))
        .metric("low", static_cast<double>(bits & 0xffffffff));
}

static const char *const METRICS[] = {"value", "high", "low", nullptr};

GAVEL_PLUGIN(.name = "floats", .version = "0.1.0", .summary = "Says the number that the reference is, and its bits.",
             .metrics = METRICS);
GAVEL_VERIFY(verify)
