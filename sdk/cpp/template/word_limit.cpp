// Judges length: the completion has at most `limit` words.

#include <cctype>

#include "gavel.hpp"

static gavel::result verify(const gavel::submission &submission, const gavel::options &options) {
    std::int64_t words = 0, limit = options.integer("limit");
    bool inside = false;
    for (unsigned char letter : submission.completion) {
        bool space = std::isspace(letter);
        words += !space && !inside;
        inside = !space;
    }
    return gavel::right_if(words <= limit)
        .because(std::to_string(words) + " words, at most " + std::to_string(limit) + " allowed")
        .metric("words", static_cast<double>(words));
}

static const gavel_option OPTIONS[] = {
    {.name = "limit", .type = GAVEL_INTEGER, .help = "The most words.", .bounds = GAVEL_AT_LEAST(0)},
    {},
};
static const char *const METRICS[] = {"words", nullptr};

GAVEL_PLUGIN(.name = "word-limit", .version = "0.1.0", .summary = "The completion has at most `limit` words.",
             .options = OPTIONS, .metrics = METRICS);
GAVEL_VERIFY(verify)
