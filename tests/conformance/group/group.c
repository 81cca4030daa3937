// Says of each completion of a prompt how many are the same.

#include "gavel.h"

static const gavel_option OPTIONS[] = {{.name = "tag", .type = GAVEL_STRING, .fallback = "\"\""}, {0}};
static const char *const METRICS[] = {"same", "size", NULL};

GAVEL_GROUP_PLUGIN(.name = "group", .version = "0.1.0",
                   .summary = "Says of each completion of a prompt how many are the same.", .options = OPTIONS,
                   .metrics = METRICS);

static void show(gavel_verdict *verdict, gavel_text text) {
    gavel_reason(verdict, "[");
    gavel_reason_text(verdict, text.data ? text : gavel_text_of("<none>"));
    gavel_reason(verdict, "]");
}

gavel_result gavel_verify_group(const gavel_submission *submissions, size_t count, const gavel_options *options,
                                gavel_verdict *const *verdicts) {
    for (size_t place = 0; place < count; place++) {
        gavel_text completion = submissions[place].completion;
        if (gavel_same(completion, gavel_text_of("all"))) {
            return gavel_fail(verdicts[0], GAVEL_INVALID_TASK, "told by one");
        }
        // There is a verdict for each, so none can be lost.
        if (gavel_same(completion, gavel_text_of("lose"))) {
            return gavel_fail(verdicts[0], GAVEL_INTERNAL_ERROR, "told to lose one");
        }
    }
    for (size_t place = 0; place < count; place++) {
        const gavel_submission *submission = &submissions[place];
        gavel_verdict *verdict = verdicts[place];
        if (gavel_same(submission->completion, gavel_text_of("abstain"))) {
            gavel_fail(verdict, GAVEL_ABSTAIN, "told by %zu", place + 1);
            continue;
        }
        double same = 0;
        for (size_t other = 0; other < count; other++) {
            same += gavel_same(submission->completion, submissions[other].completion);
        }
        show(verdict, submission->prompt);
        show(verdict, submission->reference);
        show(verdict, gavel_option_string(options, "tag"));
        gavel_reason(verdict, " %zu of %zu", place + 1, count);
        gavel_reward(verdict, same / (double)count);
        gavel_metric(verdict, "same", same);
        gavel_metric(verdict, "size", (double)count);
    }
    return GAVEL_OK;
}
