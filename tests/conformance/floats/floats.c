// Says the number that the reference is, and its bits.

#include <stdlib.h>
#include <string.h>

#include "gavel.h"

static const char *const METRICS[] = {"value", "high", "low", NULL};

GAVEL_PLUGIN(.name = "floats", .version = "0.1.0", .summary = "Says the number that the reference is, and its bits.",
             .metrics = METRICS);

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)options;
    gavel_text reference = submission->reference;
    if (!reference.data) return gavel_fail(verdict, GAVEL_INVALID_TASK, "no reference");
    char *text = calloc(reference.size + 1, 1), *end;
    memcpy(text, reference.data, reference.size);
    double value = strtod(text, &end);
    if (end == text || *end) return gavel_fail(verdict, GAVEL_INVALID_TASK, "\"%s\" is no number", text);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    gavel_reward(verdict, value);
    gavel_metric(verdict, "value", value);
    gavel_metric(verdict, "high", (double)(bits >> 32));
    gavel_metric(verdict, "low", (double)(bits & 0xffffffff));
    return GAVEL_OK;
}
