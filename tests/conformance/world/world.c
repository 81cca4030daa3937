// Says what it sees of the world.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gavel.h"

static const char *const METRICS[] = {"environment", "files", "clock", "random", "slept", NULL};

GAVEL_PLUGIN(.name = "world", .version = "0.1.0", .summary = "Says what it sees of the world.", .metrics = METRICS);

extern char **environ;

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)submission, (void)options;
    puts("a line for stdout");
    fputs("a line for stderr\n", stderr);
    int variables = 0;
    while (environ && environ[variables]) variables++;
    uint64_t random = 0;
    getentropy(&random, sizeof random);
    gavel_reward(verdict, 1);
    gavel_metric(verdict, "environment", variables);
    gavel_metric(verdict, "files", fopen("/etc/passwd", "r") != NULL);
    gavel_metric(verdict, "clock", now(CLOCK_REALTIME));
    gavel_metric(verdict, "random", (double)random / 18446744073709551616.0);
    double before = now(CLOCK_MONOTONIC);
    sleep(3600);
    gavel_metric(verdict, "slept", now(CLOCK_MONOTONIC) - before >= 3600);
    return GAVEL_OK;
}
