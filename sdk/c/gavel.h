// Write a gavel reward plugin in C: describe it with GAVEL_PLUGIN, and define gavel_verify.
//
//     #include "gavel.h"
//
//     GAVEL_PLUGIN(.name = "exact-match", .version = "0.1.0",
//                  .summary = "The completion is the reference.");
//
//     gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options,
//                               gavel_verdict *verdict) {
//         if (!submission->reference.data) return gavel_fail(verdict, GAVEL_INVALID_TASK, "no reference");
//         gavel_reward(verdict, gavel_same(submission->completion, submission->reference));
//         return GAVEL_OK;
//     }
//
// A fresh instance of the plugin judges each submission, so nothing has to be freed, and nothing survives.

#ifndef GAVEL_H
#define GAVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- What a verifier is given ----

// UTF-8 text of `size` bytes. It may hold NUL, and none follows it.
typedef struct {
    const char *data;
    size_t size;
} gavel_text;

// One completion of one task.
typedef struct {
    gavel_text prompt;      // as the policy saw it, or the last user message of a chat
    gavel_text completion;  // what the policy wrote
    gavel_text reference;   // the ground truth; `data` is NULL where the task has none
    gavel_text metadata;    // a JSON object: the task's other columns. It may gain keys.
} gavel_submission;

// The options of the reward file, checked against what the plugin declares.
typedef struct gavel_options gavel_options;

// ---- What it says ----

// What gavel_verify returns.
typedef enum {
    GAVEL_INVALID_OPTIONS,  // the options make no sense together; check them before you look at the submission
    GAVEL_INVALID_TASK,     // the reference or the metadata is not what this verifier needs
    GAVEL_ABSTAIN,          // the verifier cannot judge this submission; leave it out
    GAVEL_INTERNAL_ERROR,   // the verifier failed
    GAVEL_OK,               // there is a verdict. A wrong answer is a verdict with a low reward.
} gavel_result;

typedef struct gavel_verdict gavel_verdict;

// Judges one submission. You write this one. The verdict starts without reward, reason and metrics; GAVEL_OK needs a reward.
gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict);

// Judges all completions of one prompt together, of which there are `count`, at least one: in the place of gavel_verify, for a
// plugin that is described with GAVEL_GROUP_PLUGIN. `verdicts` has one for each, in their order, that starts as gavel_verify's
// does; each needs a reward, or why it has none, by gavel_fail. What it returns other than GAVEL_OK is why none of them has one:
// `return gavel_fail(verdicts[0], GAVEL_INVALID_TASK, "…")`.
gavel_result gavel_verify_group(const gavel_submission *submissions, size_t count, const gavel_options *options,
                                gavel_verdict *const *verdicts);

// Sets the reward, which must be finite. By custom 0 is wrong and 1 is right.
void gavel_reward(gavel_verdict *verdict, double reward);

// Adds to the reason, one line for a person, as printf does (`%zu words`).
void gavel_reason(gavel_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Adds a text to the reason, whatever is in it.
void gavel_reason_text(gavel_verdict *verdict, gavel_text text);

// Adds a named number, which must be finite; the name is one of the plugin's metrics.
void gavel_metric(gavel_verdict *verdict, const char *name, double value);

// Gives up, with a message for a person as printf writes it. Returns `why`, so that you can return it.
gavel_result gavel_fail(gavel_verdict *verdict, gavel_result why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same with a text, whatever is in it.
gavel_result gavel_fail_text(gavel_verdict *verdict, gavel_result why, gavel_text message);

// ---- What the plugin is ----

typedef enum { GAVEL_BOOLEAN, GAVEL_INTEGER, GAVEL_NUMBER, GAVEL_STRING } gavel_type;

// The numbers that an option may be; GAVEL_AT_LEAST and GAVEL_BETWEEN make one.
typedef struct {
    bool has_minimum, has_maximum;
    double minimum, maximum;
} gavel_bounds;

#define GAVEL_AT_LEAST(least) {true, false, (least), 0}
#define GAVEL_BETWEEN(least, most) {true, true, (least), (most)}

// An option of the plugin. Its type, bounds and choices are checked before gavel_verify is called, names that no
// option has are refused, and the JSON Schema of the options is made of these. Bounds of what is no number, choices of what
// is no string, and a default that they do not allow are an internal error of every submission.
typedef struct {
    const char *name;
    gavel_type type;
    const char *help;            // one sentence, or NULL
    const char *fallback;        // JSON text of the default, such as "5" or "\"soft\""; NULL: it must be given
    gavel_bounds bounds;         // for numbers
    const char *const *choices;  // for strings: the values, NULL after the last; NULL: any
} gavel_option;

typedef struct {
    const char *name;             // kebab-case, as a reward file calls it
    const char *version;          // semantic version of the plugin
    const char *summary;          // one sentence
    const gavel_option *options;  // a nameless one after the last; NULL: none
    const char *const *metrics;   // NULL after the last; NULL: none
} gavel_plugin;

extern const gavel_plugin gavel_this_plugin;

// Says what the plugin is, with designated initializers.
#define GAVEL_PLUGIN(...) const gavel_plugin gavel_this_plugin = {__VA_ARGS__}

// The same of a plugin that judges the completions of a prompt together, by gavel_verify_group. It has no gavel_verify of its
// own; gavel finds out by what is exported here.
#define GAVEL_GROUP_PLUGIN(...)                                                                                      \
    __attribute__((export_name("gavel-judges-groups"))) void gavel_judges_groups(void) {}                            \
    gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *to) { \
        (void)submission;                                                                                            \
        (void)options;                                                                                               \
        return gavel_fail(to, GAVEL_INTERNAL_ERROR, "this plugin judges groups");                                    \
    }                                                                                                                \
    GAVEL_PLUGIN(__VA_ARGS__)

void gavel_judges_groups(void);

// ---- Reading options and columns ----

// The value of an option that the plugin declares, the default included. Asking for another name or another type is
// a mistake in the plugin, and traps.
bool gavel_option_boolean(const gavel_options *options, const char *name);
int64_t gavel_option_integer(const gavel_options *options, const char *name);
double gavel_option_number(const gavel_options *options, const char *name);
gavel_text gavel_option_string(const gavel_options *options, const char *name);

// These three read valid JSON, as the options and the metadata are. Other text does no harm, but no error is sure to
// be found. Where they are false nothing is written, so look: the compiler warns of a plugin that does not.
#define GAVEL_CHECKED __attribute__((warn_unused_result))

// Finds a member of a JSON object, such as a column of the metadata. `value` is its JSON text; an object can be looked
// into further. False where there is none.
bool gavel_json_member(gavel_text object, const char *key, gavel_text *value) GAVEL_CHECKED;

// Decodes a JSON string to UTF-8. Half a pair of surrogates becomes U+FFFD. False where `json` is none.
bool gavel_json_string(gavel_text json, gavel_text *decoded) GAVEL_CHECKED;

// Reads a JSON number. False where `json` is none.
bool gavel_json_number(gavel_text json, double *number) GAVEL_CHECKED;

// ---- Small help ----

// Whether two texts are the same bytes.
bool gavel_same(gavel_text one, gavel_text other);

// The bytes of a C string as text.
gavel_text gavel_text_of(const char *string);

// A text as one line of at most 80 characters, nothing that a terminal would obey: for reasons.
gavel_text gavel_excerpt(gavel_text text);

#ifdef __cplusplus
}
#endif
#endif
