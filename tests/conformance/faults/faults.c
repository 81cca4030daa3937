// Breaks in every way that a plugin can break.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gavel.h"

GAVEL_PLUGIN(.name = "faults", .version = "0.1.0", .summary = "Breaks in every way that a plugin can break.");

static void spin(void) {
    volatile uint64_t number = 1;
    while (number) number = number * 6364136223846793005u | 1;
}

// What nobody else can see, the compiler may leave out: then this would be an endless loop.
static void *volatile held;

static void bomb(void) {
    for (;;) {
        void *more = held = malloc(1 << 20);
        // In WebAssembly, NULL is an address like any other: writing there breaks nothing.
        if (!more) abort();
        memset(more, 1, 1 << 20);
    }
}

static uint64_t recurse(uint64_t depth) {
    volatile uint64_t frame[16] = {depth};
    return frame[0] ? recurse(frame[0] + 1) + frame[0] : 0;
}

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)options;
    if (gavel_same(submission->completion, gavel_text_of("panic"))) assert(!"as asked");
    if (gavel_same(submission->completion, gavel_text_of("loop"))) spin();
    if (gavel_same(submission->completion, gavel_text_of("bomb"))) bomb();
    gavel_reward(verdict, 1);
    if (gavel_same(submission->completion, gavel_text_of("recurse"))) gavel_reward(verdict, (double)recurse(1));
    return GAVEL_OK;
}
