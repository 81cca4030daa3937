// Says the options that it was given.

#include "gavel.hpp"

static gavel::result verify(const gavel::submission &, const gavel::options &options) {
    return gavel::verdict{static_cast<double>(options.integer("limit"))}.because(std::string(options.string("mode")));
}

static const char *const MODES[] = {"soft", "hard", nullptr};
static const gavel_option OPTIONS[] = {
    {.name = "limit", .type = GAVEL_INTEGER, .help = "What the reward will be.", .bounds = GAVEL_AT_LEAST(1)},
    {.name = "mode", .type = GAVEL_STRING, .fallback = "\"soft\"", .choices = MODES},
    {},
};

GAVEL_PLUGIN(.name = "options", .version = "0.1.0", .summary = "Says the options that it was given.",
             .options = OPTIONS);
GAVEL_VERIFY(verify)
