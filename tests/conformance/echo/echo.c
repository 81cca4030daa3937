// Says what it was given.

#include "gavel.h"

static const gavel_option OPTIONS[] = {{.name = "tag", .type = GAVEL_STRING, .fallback = "\"\""}, {0}};
static const char *const METRICS[] = {"prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes", NULL};

GAVEL_PLUGIN(.name = "echo", .version = "0.1.0", .summary = "Says what it was given.", .options = OPTIONS,
             .metrics = METRICS);

static void show(gavel_verdict *verdict, gavel_text text) {
    if (!text.data) {
        gavel_reason(verdict, "<none>");
        return;
    }
    gavel_reason(verdict, "[");
    gavel_reason_text(verdict, text);
    gavel_reason(verdict, "]");
}

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    gavel_text completion = submission->completion, json, note = {NULL, 0};
    if (gavel_json_member(submission->metadata, "note", &json) && !gavel_json_string(json, &note)) {
        return gavel_fail(verdict, GAVEL_INVALID_TASK, "the column `note` is no string");
    }
    if (submission->prompt.size + completion.size + submission->reference.size > 1000) {
        gavel_reason(verdict, "large");
    } else {
        show(verdict, submission->prompt);
        show(verdict, completion);
        show(verdict, submission->reference);
        show(verdict, note);
        show(verdict, gavel_option_string(options, "tag"));
    }
    double sum = 0;
    for (size_t index = 0; index < completion.size; index++) sum += (unsigned char)completion.data[index];
    gavel_reward(verdict, 1);
    gavel_metric(verdict, "prompt_bytes", (double)submission->prompt.size);
    gavel_metric(verdict, "completion_bytes", (double)completion.size);
    gavel_metric(verdict, "completion_sum", sum);
    gavel_metric(verdict, "reference_bytes", submission->reference.data ? (double)submission->reference.size : -1);
    return GAVEL_OK;
}
