// Between the contract's bindings and gavel.h: ownership, options, and a reader of JSON that is known to be valid.
//
// The host hands over valid JSON, so the reader below finds its way and checks little; on text that is not JSON, such
// as what a policy wrote, it may find too much, but stays within the text. Memory is never freed: an instance judges
// one submission and is thrown away.

#include "gavel.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/plugin.h"

typedef gavel_verifier_types_error_code_t wire_error;
typedef gavel_verifier_types_verdict_t wire_verdict;
typedef gavel_verifier_types_submission_t wire_submission;
typedef gavel_verifier_types_description_t wire_description;
typedef exports_gavel_verifier_group_verifier_result_verdict_error_code_t wire_result;

// Most plugins have none: then this is null.
#pragma weak gavel_verify_group

// A text that grows.
typedef struct {
    char *data;
    size_t size, room;
} buffer;

struct gavel_options {
    gavel_text json;
};

struct gavel_verdict {
    double reward;
    bool has_reward, has_reason, has_failed;
    gavel_result why;  // where it has failed
    buffer reason, failure;
    plugin_tuple2_string_f64_t *metrics;
    size_t metric_count, metric_room;
};

_Static_assert(GAVEL_INVALID_OPTIONS == GAVEL_VERIFIER_TYPES_ERROR_CODE_INVALID_OPTIONS &&
                   GAVEL_INVALID_TASK == GAVEL_VERIFIER_TYPES_ERROR_CODE_INVALID_TASK &&
                   GAVEL_ABSTAIN == GAVEL_VERIFIER_TYPES_ERROR_CODE_ABSTAIN &&
                   GAVEL_INTERNAL_ERROR == GAVEL_VERIFIER_TYPES_ERROR_CODE_INTERNAL_ERROR,
               "gavel_result has the order of the contract's error codes");

// ---- Buffers ----

static void *grown(void *data, size_t bytes) {
    void *moved = realloc(data, bytes);
    // The host refuses memory past the limit; a trap is how a plugin says so.
    if (!moved) __builtin_trap();
    return moved;
}

static void append(buffer *to, const char *data, size_t size) {
    // memcpy may not be given NULL, not even for no bytes.
    if (size == 0) return;
    if (to->room - to->size < size) {
        to->room = (to->size + size) * 2;
        to->data = grown(to->data, to->room);
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void append_string(buffer *to, const char *string) { append(to, string, strlen(string)); }

static void append_format(buffer *to, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length <= 0) return;
    char *text = grown(NULL, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    append(to, text, (size_t)length);
}

// Empty text has data too: NULL means that there is none.
static gavel_text text_of(const buffer *from) { return (gavel_text){from->size ? from->data : "", from->size}; }

// A copy that the bindings may free.
static plugin_string_t handed_over(gavel_text text) {
    plugin_string_t copy;
    plugin_string_dup_n(&copy, text.data, text.size);
    return copy;
}

// ---- Texts ----

bool gavel_same(gavel_text one, gavel_text other) {
    return one.size == other.size && (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

gavel_text gavel_text_of(const char *string) { return (gavel_text){string, strlen(string)}; }

gavel_text gavel_excerpt(gavel_text text) {
    enum { LONGEST = 80 };
    buffer line = {0};
    size_t at = 0;
    for (int count = 0; at < text.size && count < LONGEST; count++) {
        const unsigned char *character = (const unsigned char *)text.data + at;
        size_t size = 1;
        // The further bytes of a character begin with the bits 10.
        while (at + size < text.size && (character[size] & 0xc0) == 0x80) size++;
        // ASCII's control characters, and those from U+0080 to U+009F, which some terminals obey too.
        bool control = character[0] < 0x20 || character[0] == 0x7f ||
                       (character[0] == 0xc2 && size == 2 && character[1] < 0xa0);
        append(&line, control ? " " : text.data + at, control ? 1 : size);
        at += size;
    }
    return text_of(&line);
}

// ---- JSON ----

typedef struct {
    const char *at, *end;
} cursor;

static cursor start(gavel_text json) { return (cursor){json.data, json.data + json.size}; }

static void skip_space(cursor *json) {
    while (json->at < json->end && strchr(" \t\r\n", *json->at) && *json->at) json->at++;
}

static bool take(cursor *json, char expected) {
    skip_space(json);
    if (json->at == json->end || *json->at != expected) return false;
    json->at++;
    return true;
}

static void skip_string(cursor *json) {
    for (json->at++; json->at < json->end && *json->at != '"'; json->at++) {
        if (*json->at == '\\' && json->end - json->at > 1) json->at++;
    }
    if (json->at < json->end) json->at++;
}

// Moves past one value and returns its text.
static gavel_text take_value(cursor *json) {
    skip_space(json);
    const char *from = json->at;
    size_t depth = 0;
    while (json->at < json->end) {
        char byte = *json->at;
        if (byte == '"') {
            skip_string(json);
            if (depth == 0) break;
            continue;
        }
        if (depth == 0 && strchr(",]} \t\r\n", byte)) break;
        if (byte == '{' || byte == '[') depth++;
        if (byte == '}' || byte == ']') depth--;
        json->at++;
        if (depth == 0 && (byte == '}' || byte == ']')) break;
    }
    return (gavel_text){from, (size_t)(json->at - from)};
}

// The next member of an object, from behind its `{` or behind the member before.
static bool take_member(cursor *json, gavel_text *key, gavel_text *value) {
    take(json, ',');
    skip_space(json);
    if (json->at == json->end || *json->at != '"') return false;
    gavel_text quoted = take_value(json);
    take(json, ':');
    *value = take_value(json);
    return gavel_json_string(quoted, key);
}

bool gavel_json_member(gavel_text object, const char *key, gavel_text *value) {
    cursor json = start(object);
    if (!take(&json, '{')) return false;
    gavel_text name, found;
    bool any = false;
    // The last of several members with one name counts, as everywhere.
    while (take_member(&json, &name, &found)) {
        if (gavel_same(name, gavel_text_of(key))) {
            *value = found;
            any = true;
        }
    }
    return any;
}

// Reads the four digits of `\uXXXX`, from behind the `u`.
static bool hex(const char *at, const char *end, uint32_t *value) {
    if (end - at < 4) return false;
    *value = 0;
    for (int index = 0; index < 4; index++) {
        char digit = at[index], letter = digit | 0x20;
        bool decimal = digit >= '0' && digit <= '9';
        if (!decimal && (letter < 'a' || letter > 'f')) return false;
        *value = *value * 16 + (uint32_t)(decimal ? digit - '0' : letter - 'a' + 10);
    }
    return true;
}

static void append_utf8(buffer *to, uint32_t character) {
    char bytes[4];
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const unsigned char FIRST[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t index = size; index-- > 1; character >>= 6) bytes[index] = (char)(0x80 | (character & 0x3f));
    bytes[0] = (char)(FIRST[size] | character);
    append(to, bytes, size);
}

bool gavel_json_string(gavel_text json, gavel_text *decoded) {
    if (json.size < 2 || json.data[0] != '"' || json.data[json.size - 1] != '"') return false;
    const char *at = json.data + 1, *end = json.data + json.size - 1;
    if (!memchr(at, '\\', (size_t)(end - at))) {
        *decoded = (gavel_text){at, (size_t)(end - at)};
        return true;
    }
    buffer text = {0};
    while (at < end) {
        if (*at != '\\') {
            append(&text, at++, 1);
            continue;
        }
        if (end - at < 2) return false;
        char escape = at[1];
        at += 2;
        if (escape == 'u') {
            uint32_t unit, low;
            if (!hex(at, end, &unit)) return false;
            at += 4;
            // A pair of surrogates is one character, and one without the other is none.
            if (unit >= 0xd800 && unit < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
                hex(at + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                at += 6;
            }
            append_utf8(&text, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
            continue;
        }
        static const char ESCAPES[] = "b\bf\fn\nr\rt\t";
        const char *known = escape ? strchr(ESCAPES, escape) : NULL;
        append(&text, known ? &known[1] : &at[-1], 1);
    }
    *decoded = text_of(&text);
    return true;
}

// A copy with a NUL behind it, for the functions of libc.
static char *terminated(gavel_text text) {
    buffer copy = {0};
    append(&copy, text.data, text.size);
    append(&copy, "", 1);
    return copy.data;
}

bool gavel_json_number(gavel_text json, double *number) {
    char *text = terminated(json), *end;
    // libc reads more than JSON has: hexadecimal, `inf`, `+1`.
    if (json.size == 0 || !strchr("-0123456789", text[0]) || strspn(text, "+-.0123456789Ee") != json.size) return false;
    *number = strtod(text, &end);
    return *end == 0;
}

// Reads a JSON number that is whole (`3`, `3.0`, `3e2`) and fits. One without point and exponent is exact.
static bool json_integer(gavel_text json, int64_t *integer) {
    double number;
    if (!gavel_json_number(json, &number)) return false;
    char *text = terminated(json), *end;
    errno = 0;
    *integer = strtoll(text, &end, 10);
    if (*end == 0) return errno == 0;
    if (number != floor(number) || fabs(number) >= 0x1p63) return false;
    *integer = (int64_t)number;
    return true;
}

// ---- Options ----

static const char *const TYPES[] = {"boolean", "integer", "number", "string"};

static const gavel_option *declared(gavel_text name) {
    const gavel_option *option = gavel_this_plugin.options;
    for (; option && option->name; option++) {
        if (gavel_same(name, gavel_text_of(option->name))) return option;
    }
    return NULL;
}

static bool has_type(gavel_type type, gavel_text json) {
    double number;
    int64_t integer;
    switch (type) {
        case GAVEL_BOOLEAN: return gavel_same(json, gavel_text_of("true")) || gavel_same(json, gavel_text_of("false"));
        case GAVEL_INTEGER: return json_integer(json, &integer);
        case GAVEL_NUMBER: return gavel_json_number(json, &number);
        case GAVEL_STRING: return json.size && json.data[0] == '"';
    }
    return false;
}

static bool is_choice(const char *const *choices, gavel_text value) {
    for (; *choices; choices++) {
        if (gavel_same(value, gavel_text_of(*choices))) return true;
    }
    return false;
}

static gavel_result refuse(gavel_verdict *verdict, const char *name, gavel_text found, const char *wanted) {
    gavel_text shown = gavel_excerpt(found);
    return gavel_fail(verdict, GAVEL_INVALID_OPTIONS, "`%s` is %.*s; it must be %s", name, (int)shown.size, shown.data,
                      wanted);
}

static gavel_result check_option(gavel_verdict *verdict, const gavel_option *option, gavel_text json) {
    buffer wanted = {0};
    gavel_text string;
    double number;
    if (!has_type(option->type, json)) {
        append_string(&wanted, "of the type ");
        append(&wanted, TYPES[option->type], strlen(TYPES[option->type]) + 1);
        return refuse(verdict, option->name, json, wanted.data);
    }
    if (option->choices && gavel_json_string(json, &string) && !is_choice(option->choices, string)) {
        append_string(&wanted, "one of");
        for (const char *const *choice = option->choices; *choice; choice++) {
            append_string(&wanted, choice == option->choices ? " `" : ", `");
            append_string(&wanted, *choice);
            append_string(&wanted, "`");
        }
        append(&wanted, "", 1);
        return refuse(verdict, option->name, json, wanted.data);
    }
    gavel_bounds bounds = option->bounds;
    if (!gavel_json_number(json, &number)) return GAVEL_OK;
    if ((bounds.has_minimum && number < bounds.minimum) || (bounds.has_maximum && number > bounds.maximum)) {
        char text[80];
        const char *format = bounds.has_maximum ? "at least %g and at most %g" : "at least %g";
        snprintf(text, sizeof text, format, bounds.minimum, bounds.maximum);
        return refuse(verdict, option->name, json, text);
    }
    return GAVEL_OK;
}

static gavel_result unknown_option(gavel_verdict *verdict, gavel_text name) {
    gavel_text shown = gavel_excerpt(name);
    gavel_fail(verdict, GAVEL_INVALID_OPTIONS, "`%.*s` is not an option; ", (int)shown.size, shown.data);
    const gavel_option *option = gavel_this_plugin.options;
    append_string(&verdict->failure, option && option->name ? "there are" : "this plugin has none");
    for (; option && option->name; option++) {
        append_string(&verdict->failure, option == gavel_this_plugin.options ? " `" : ", `");
        append_string(&verdict->failure, option->name);
        append_string(&verdict->failure, "`");
    }
    return GAVEL_INVALID_OPTIONS;
}

static gavel_result check_options(gavel_verdict *verdict, gavel_text json) {
    cursor members = start(json);
    gavel_text name, value;
    take(&members, '{');
    while (take_member(&members, &name, &value)) {
        const gavel_option *option = declared(name);
        gavel_result result = option ? check_option(verdict, option, value) : unknown_option(verdict, name);
        if (result != GAVEL_OK) return result;
    }
    const gavel_option *option = gavel_this_plugin.options;
    for (; option && option->name; option++) {
        if (!option->fallback && !gavel_json_member(json, option->name, &value)) {
            return gavel_fail(verdict, GAVEL_INVALID_OPTIONS, "`%s` is missing", option->name);
        }
    }
    return GAVEL_OK;
}

// What the table of options says and cannot mean: a limit that is never looked at, or a default that the others do not
// allow. A plugin that cannot describe itself could not say it, so every submission is told.
static gavel_result check_table(gavel_verdict *verdict) {
    const gavel_option *option = gavel_this_plugin.options;
    for (; option && option->name; option++) {
        bool number = option->type == GAVEL_INTEGER || option->type == GAVEL_NUMBER;
        if (!number && (option->bounds.has_minimum || option->bounds.has_maximum)) {
            return gavel_fail(verdict, GAVEL_INTERNAL_ERROR, "`.bounds` limits numbers, and the option `%s` is none",
                              option->name);
        }
        if (option->type != GAVEL_STRING && option->choices) {
            return gavel_fail(verdict, GAVEL_INTERNAL_ERROR, "`.choices` limits strings, and the option `%s` is none",
                              option->name);
        }
        gavel_verdict refused = {0};
        if (option->fallback && check_option(&refused, option, gavel_text_of(option->fallback)) != GAVEL_OK) {
            append_string(&verdict->failure, "the fallback of an option: ");
            append(&verdict->failure, refused.failure.data, refused.failure.size);
            return GAVEL_INTERNAL_ERROR;
        }
    }
    return GAVEL_OK;
}

// The JSON text of an option of this type, as given or by default.
static gavel_text option_json(const gavel_options *options, const char *name, gavel_type type) {
    const gavel_option *option = declared(gavel_text_of(name));
    gavel_text value;
    if (!option || option->type != type) __builtin_trap();
    return gavel_json_member(options->json, name, &value) ? value : gavel_text_of(option->fallback);
}

bool gavel_option_boolean(const gavel_options *options, const char *name) {
    return gavel_same(option_json(options, name, GAVEL_BOOLEAN), gavel_text_of("true"));
}

int64_t gavel_option_integer(const gavel_options *options, const char *name) {
    int64_t integer = 0;
    json_integer(option_json(options, name, GAVEL_INTEGER), &integer);
    return integer;
}

double gavel_option_number(const gavel_options *options, const char *name) {
    double number = 0;
    (void)gavel_json_number(option_json(options, name, GAVEL_NUMBER), &number);
    return number;
}

gavel_text gavel_option_string(const gavel_options *options, const char *name) {
    gavel_text string = {"", 0};
    (void)gavel_json_string(option_json(options, name, GAVEL_STRING), &string);
    return string;
}

static void append_quoted(buffer *to, const char *string) {
    append_string(to, "\"");
    for (; *string; string++) {
        char escaped[8];
        if (*string == '"' || *string == '\\') append_string(to, "\\");
        if ((unsigned char)*string < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)*string);
            append_string(to, escaped);
        } else {
            append(to, string, 1);
        }
    }
    append_string(to, "\"");
}

static void append_bound(buffer *to, const char *key, double bound) {
    char text[64];
    snprintf(text, sizeof text, ",\"%s\":%.17g", key, bound);
    append_string(to, text);
}

static void append_property(buffer *to, const gavel_option *option) {
    append_quoted(to, option->name);
    append_string(to, ":{\"type\":");
    append_quoted(to, TYPES[option->type]);
    if (option->help) {
        append_string(to, ",\"description\":");
        append_quoted(to, option->help);
    }
    if (option->fallback) {
        append_string(to, ",\"default\":");
        append_string(to, option->fallback);
    }
    if (option->bounds.has_minimum) append_bound(to, "minimum", option->bounds.minimum);
    if (option->bounds.has_maximum) append_bound(to, "maximum", option->bounds.maximum);
    for (const char *const *choice = option->choices; choice && *choice; choice++) {
        append_string(to, choice == option->choices ? ",\"enum\":[" : ",");
        append_quoted(to, *choice);
        if (!choice[1]) append_string(to, "]");
    }
    append_string(to, "}");
}

// The JSON Schema of the options.
static gavel_text schema(void) {
    buffer text = {0};
    append_string(&text, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\",");
    append_string(&text, "\"additionalProperties\":false,\"properties\":{");
    const gavel_option *first = gavel_this_plugin.options;
    for (const gavel_option *option = first; option && option->name; option++) {
        if (option != first) append_string(&text, ",");
        append_property(&text, option);
    }
    append_string(&text, "},\"required\":[");
    bool any = false;
    for (const gavel_option *option = first; option && option->name; option++) {
        if (option->fallback) continue;
        if (any) append_string(&text, ",");
        append_quoted(&text, option->name);
        any = true;
    }
    append_string(&text, "]}");
    return text_of(&text);
}

// ---- Verdicts ----

void gavel_reward(gavel_verdict *verdict, double reward) {
    verdict->reward = reward;
    verdict->has_reward = true;
}

void gavel_reason(gavel_verdict *verdict, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    append_format(&verdict->reason, format, arguments);
    va_end(arguments);
    verdict->has_reason = true;
}

void gavel_reason_text(gavel_verdict *verdict, gavel_text text) {
    append(&verdict->reason, text.data, text.size);
    verdict->has_reason = true;
}

void gavel_metric(gavel_verdict *verdict, const char *name, double value) {
    if (verdict->metric_count == verdict->metric_room) {
        verdict->metric_room = verdict->metric_room * 2 + 8;
        verdict->metrics = grown(verdict->metrics, verdict->metric_room * sizeof *verdict->metrics);
    }
    verdict->metrics[verdict->metric_count++] =
        (plugin_tuple2_string_f64_t){handed_over(gavel_text_of(name)), value};
}

gavel_result gavel_fail(gavel_verdict *verdict, gavel_result why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    verdict->failure.size = 0;
    append_format(&verdict->failure, format, arguments);
    va_end(arguments);
    verdict->why = why;
    verdict->has_failed = true;
    return why;
}

gavel_result gavel_fail_text(gavel_verdict *verdict, gavel_result why, gavel_text message) {
    verdict->failure.size = 0;
    append(&verdict->failure, message.data, message.size);
    verdict->why = why;
    verdict->has_failed = true;
    return why;
}

// ---- The contract ----

// The bindings refer to this, so that an object file with the contract is linked. gavel puts the contract in itself.
void __component_type_object_force_link_plugin(void) {}

static void describe(wire_description *description) {
    const gavel_plugin *plugin = &gavel_this_plugin;
    description->name = handed_over(gavel_text_of(plugin->name));
    description->version = handed_over(gavel_text_of(plugin->version));
    description->summary = handed_over(gavel_text_of(plugin->summary));
    description->options = handed_over(schema());
    size_t count = 0;
    while (plugin->metrics && plugin->metrics[count]) count++;
    description->metrics = (plugin_list_string_t){count ? grown(NULL, count * sizeof(plugin_string_t)) : NULL, count};
    for (size_t index = 0; index < count; index++) {
        description->metrics.ptr[index] = handed_over(gavel_text_of(plugin->metrics[index]));
    }
}

void exports_gavel_verifier_verifier_describe(wire_description *description) { describe(description); }

void exports_gavel_verifier_group_verifier_describe(wire_description *description) { describe(description); }

static gavel_text read(plugin_string_t string) {
    // The bindings hand empty text over without data.
    return string.len ? (gavel_text){(const char *)string.ptr, string.len} : (gavel_text){"", 0};
}

static gavel_submission read_submission(const wire_submission *wire) {
    return (gavel_submission){
        .prompt = read(wire->prompt),
        .completion = read(wire->completion),
        .reference = wire->reference.is_some ? read(wire->reference.val) : (gavel_text){NULL, 0},
        .metadata = wire->metadata.len ? read(wire->metadata) : gavel_text_of("{}"),
    };
}

// What a plugin returned, or why that cannot be.
static gavel_result checked(gavel_result result, const char *function, gavel_verdict *verdict) {
    if ((unsigned)result <= GAVEL_OK) return result;
    return gavel_fail(verdict, GAVEL_INTERNAL_ERROR, "%s returned %d, which is no gavel_result", function, (int)result);
}

static void hand_over_error(gavel_result result, const gavel_verdict *verdict, wire_error *failed) {
    // gavel_result has the order of the contract's error codes, whose payloads are all one text.
    failed->tag = (uint8_t)result;
    failed->val.internal_error = handed_over(text_of(&verdict->failure));
}

// Hands a verdict over, or why there is none. Returns whether there is one.
static bool hand_over(gavel_result result, gavel_verdict *verdict, wire_verdict *said, wire_error *failed) {
    if (result != GAVEL_OK) {
        hand_over_error(result, verdict, failed);
        return false;
    }
    said->reward = verdict->reward;
    said->reason.is_some = verdict->has_reason;
    if (verdict->has_reason) said->reason.val = handed_over(text_of(&verdict->reason));
    said->metrics = (plugin_list_tuple2_string_f64_t){verdict->metrics, verdict->metric_count};
    return true;
}

bool exports_gavel_verifier_verifier_verify(wire_submission *wire, plugin_string_t *json, wire_verdict *said,
                                            wire_error *failed) {
    gavel_submission submission = read_submission(wire);
    gavel_options options = {json->len ? read(*json) : gavel_text_of("{}")};
    gavel_verdict verdict = {0};
    gavel_result result = check_table(&verdict);
    if (result == GAVEL_OK) result = check_options(&verdict, options.json);
    if (result == GAVEL_OK) {
        result = checked(gavel_verify(&submission, &options, &verdict), "gavel_verify", &verdict);
        if (result == GAVEL_OK && !verdict.has_reward) {
            result = gavel_fail(&verdict, GAVEL_INTERNAL_ERROR, "gavel_verify returned GAVEL_OK without a reward: call gavel_reward");
        }
    }
    return hand_over(result, &verdict, said, failed);
}

// What the plugin said of one completion of a group.
static gavel_result result_of(gavel_verdict *verdict) {
    if (verdict->has_failed) {
        bool is_error = (unsigned)verdict->why < GAVEL_OK;
        return is_error ? verdict->why : gavel_fail(verdict, GAVEL_INTERNAL_ERROR, "gavel_fail was told %d, which is no error", (int)verdict->why);
    }
    if (verdict->has_reward) return GAVEL_OK;
    return gavel_fail(verdict, GAVEL_INTERNAL_ERROR, "gavel_verify_group left it without a reward: call gavel_reward or gavel_fail");
}

void exports_gavel_verifier_group_verifier_verify_group(
    exports_gavel_verifier_group_verifier_list_submission_t *group, plugin_string_t *json,
    exports_gavel_verifier_group_verifier_list_result_verdict_error_code_t *said) {
    size_t count = group->len;
    gavel_submission *submissions = grown(NULL, count * sizeof *submissions);
    gavel_verdict *all = grown(NULL, count * sizeof *all);
    gavel_verdict **verdicts = grown(NULL, count * sizeof *verdicts);
    for (size_t index = 0; index < count; index++) {
        submissions[index] = read_submission(&group->ptr[index]);
        all[index] = (gavel_verdict){0};
        verdicts[index] = &all[index];
    }
    gavel_options options = {json->len ? read(*json) : gavel_text_of("{}")};
    gavel_result result = check_table(&all[0]);
    if (result == GAVEL_OK) result = check_options(&all[0], options.json);
    if (result == GAVEL_OK && !gavel_verify_group) __builtin_trap();
    if (result == GAVEL_OK) {
        result = checked(gavel_verify_group(submissions, count, &options, verdicts), "gavel_verify_group", &all[0]);
    }
    wire_result *results = grown(NULL, count * sizeof *results);
    for (size_t index = 0; index < count; index++) {
        gavel_verdict *verdict = &all[result == GAVEL_OK ? index : 0];
        gavel_result own = result == GAVEL_OK ? result_of(verdict) : result;
        wire_result *to = &results[index];
        to->is_err = !hand_over(own, verdict, &to->val.ok, &to->val.err);
    }
    said->ptr = results;
    said->len = count;
}
