// Says the options that it was given.

#include "gavel.h"

static const char *const MODES[] = {"soft", "hard", NULL};
static const gavel_option OPTIONS[] = {
    {.name = "limit", .type = GAVEL_INTEGER, .help = "What the reward will be.", .bounds = GAVEL_AT_LEAST(1)},
    {.name = "mode", .type = GAVEL_STRING, .fallback = "\"soft\"", .choices = MODES},
    {0},
};

GAVEL_PLUGIN(.name = "options", .version = "0.1.0", .summary = "Says the options that it was given.",
             .options = OPTIONS);

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)submission;
    gavel_reward(verdict, (double)gavel_option_integer(options, "limit"));
    gavel_reason_text(verdict, gavel_option_string(options, "mode"));
    return GAVEL_OK;
}
