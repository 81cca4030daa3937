// Gives no verdict, for each reason that there is.

#include "gavel.h"

GAVEL_PLUGIN(.name = "errors", .version = "0.1.0", .summary = "Gives no verdict, for each reason that there is.");

static const struct {
    const char *name;
    gavel_result why;
} ERRORS[] = {
    {"invalid-task", GAVEL_INVALID_TASK},
    {"abstain", GAVEL_ABSTAIN},
    {"internal-error", GAVEL_INTERNAL_ERROR},
    {"invalid-options", GAVEL_INVALID_OPTIONS},
};

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)options;
    gavel_text told = submission->reference.data ? submission->reference : gavel_text_of("nothing");
    for (size_t index = 0; index < sizeof ERRORS / sizeof *ERRORS; index++) {
        if (gavel_same(submission->completion, gavel_text_of(ERRORS[index].name))) {
            return gavel_fail(verdict, ERRORS[index].why, "told: %.*s", (int)told.size, told.data);
        }
    }
    double reward = 0.25;
    gavel_text json;
    if (gavel_same(submission->completion, gavel_text_of("column")) &&
        !(gavel_json_member(submission->metadata, "level", &json) && gavel_json_number(json, &reward))) {
        return gavel_fail(verdict, GAVEL_INVALID_TASK, "the column `level` is missing");
    }
    gavel_reward(verdict, reward);
    return GAVEL_OK;
}
