// Says two hundred numbers.

#include "gavel.h"

#define TEN(tens) "m" tens "0", "m" tens "1", "m" tens "2", "m" tens "3", "m" tens "4", \
                  "m" tens "5", "m" tens "6", "m" tens "7", "m" tens "8", "m" tens "9"
#define HUNDRED(hundreds) TEN(hundreds "0"), TEN(hundreds "1"), TEN(hundreds "2"), TEN(hundreds "3"), \
                          TEN(hundreds "4"), TEN(hundreds "5"), TEN(hundreds "6"), TEN(hundreds "7"), \
                          TEN(hundreds "8"), TEN(hundreds "9")

static const char *const METRICS[] = {HUNDRED("0"), HUNDRED("1"), NULL};

GAVEL_PLUGIN(.name = "metrics", .version = "0.1.0", .summary = "Says two hundred numbers.", .metrics = METRICS);

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)submission, (void)options;
    gavel_reward(verdict, 0.5);
    for (int index = 0; METRICS[index]; index++) gavel_metric(verdict, METRICS[index], index / 2.0);
    return GAVEL_OK;
}
