// Judges length: the completion has at most `limit` words.

#include <ctype.h>

#include "gavel.h"

static const gavel_option OPTIONS[] = {
    {.name = "limit", .type = GAVEL_INTEGER, .help = "The most words.", .bounds = GAVEL_AT_LEAST(0)},
    {0},
};
static const char *const METRICS[] = {"words", NULL};

GAVEL_PLUGIN(.name = "word-limit", .version = "0.1.0", .summary = "The completion has at most `limit` words.",
             .options = OPTIONS, .metrics = METRICS);

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    int64_t words = 0, limit = gavel_option_integer(options, "limit");
    bool inside = false;
    for (size_t index = 0; index < submission->completion.size; index++) {
        bool space = isspace((unsigned char)submission->completion.data[index]);
        words += !space && !inside;
        inside = !space;
    }
    gavel_reward(verdict, words <= limit);
    gavel_reason(verdict, "%lld words, at most %lld allowed", words, limit);
    gavel_metric(verdict, "words", (double)words);
    return GAVEL_OK;
}
