// Tests what gavel.c reads and quotes, natively and without the host: `cargo xtask test` compiles and runs it.

#include "../gavel.c"

static gavel_option OPTIONS[] = {
    {.name = "count", .type = GAVEL_INTEGER, .bounds = GAVEL_AT_LEAST(-5)},
    {.name = "mode", .type = GAVEL_STRING, .help = "Two\nlines.", .fallback = "\"a\\tb\""},
    {0},
};
const gavel_plugin gavel_this_plugin = {.name = "json", .version = "1.0.0", .summary = "Tests.", .options = OPTIONS};

static gavel_result returned = GAVEL_OK;
static bool gives_reward = true;

gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options, gavel_verdict *verdict) {
    (void)submission, (void)options;
    if (gives_reward) gavel_reward(verdict, 0.5);
    return returned;
}

// Stands in for the bindings, which exist in WebAssembly alone.
void plugin_string_dup_n(plugin_string_t *copy, const char *from, size_t size) {
    *copy = (plugin_string_t){grown(NULL, size + 1), size};
    memcpy(copy->ptr, from, size);
}

static int failures = 0;

static void expect(bool holds, int line, const char *what) {
    if (holds) return;
    fprintf(stderr, "json.c:%d: not so: %s\n", line, what);
    failures++;
}
#define EXPECT(condition) expect((condition), __LINE__, #condition)

// A literal as text; it may hold NUL. Lies in a block of its own size, so that a sanitizer sees who reads past it.
static gavel_text literal(const char *bytes, size_t size) {
    char *copy = grown(NULL, size ? size : 1);
    memcpy(copy, bytes, size);
    return (gavel_text){copy, size};
}
#define TEXT(bytes) literal(bytes, sizeof(bytes) - 1)

static bool decodes(gavel_text json, gavel_text expected) {
    gavel_text decoded;
    return gavel_json_string(json, &decoded) && decoded.data && gavel_same(decoded, expected);
}

static bool decodes_not(gavel_text json) {
    gavel_text decoded;
    return !gavel_json_string(json, &decoded);
}

static void strings_are_decoded(void) {
    EXPECT(decodes(TEXT("\"\""), TEXT("")));
    EXPECT(decodes(TEXT("\"e\xcc\x81 \xf0\x9f\x8e\x89\""), TEXT("e\xcc\x81 \xf0\x9f\x8e\x89")));
    EXPECT(decodes(TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t")));
    EXPECT(decodes(TEXT("\"a\\u0000b\""), TEXT("a\0b")));
    EXPECT(decodes(TEXT("\"\\u007f\\u0080\\u07FF\\u0800\\uffff\""), TEXT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")));
    EXPECT(decodes(TEXT("\"\\ud83c\\uDF89!\""), TEXT("\xf0\x9f\x8e\x89!")));
}

static void half_a_pair_is_no_character(void) {
    EXPECT(decodes(TEXT("\"\\ud83c\""), TEXT("\xef\xbf\xbd")));
    EXPECT(decodes(TEXT("\"\\udf89\""), TEXT("\xef\xbf\xbd")));
    EXPECT(decodes(TEXT("\"\\ud83c\\u0041\""), TEXT("\xef\xbf\xbd" "A")));
}

static void what_is_no_string_is_not_decoded(void) {
    EXPECT(decodes_not(TEXT("")));
    EXPECT(decodes_not(TEXT("\"")));
    EXPECT(decodes_not(TEXT("12")));
    EXPECT(decodes_not(TEXT("\"\\u12\"")));
    EXPECT(decodes_not(TEXT("\"\\u12g4\"")));
    EXPECT(decodes_not(TEXT("\"\\\"")));
}

static bool reads(gavel_text json, double expected) {
    double number;
    return gavel_json_number(json, &number) && number == expected;
}

static void numbers_are_read(void) {
    double number;
    EXPECT(reads(TEXT("0"), 0));
    EXPECT(reads(TEXT("-12.5e2"), -1250));
    EXPECT(reads(TEXT("5e-324"), 5e-324));
    static const char *const NONE[] = {"", "-", "0x10", "inf", "nan", "+1", "1 2", "\"1\"", "true", "1e"};
    for (size_t index = 0; index < sizeof NONE / sizeof *NONE; index++) {
        expect(!gavel_json_number(gavel_text_of(NONE[index]), &number), __LINE__, NONE[index]);
    }
}

static void integers_are_exact(void) {
    gavel_options options = {TEXT("{\"count\": 9007199254740993}")};
    EXPECT(gavel_option_integer(&options, "count") == 9007199254740993);
    options.json = TEXT("{\"count\": 9223372036854775807}");
    EXPECT(gavel_option_integer(&options, "count") == INT64_MAX);
    options.json = TEXT("{\"count\": 3e2}");
    EXPECT(gavel_option_integer(&options, "count") == 300);
    EXPECT(gavel_same(gavel_option_string(&options, "mode"), TEXT("a\tb")));
}

static bool refuses(const char *json, const char *name) {
    gavel_verdict verdict = {0};
    if (check_options(&verdict, gavel_text_of(json)) != GAVEL_INVALID_OPTIONS) return false;
    append(&verdict.failure, "", 1);
    return strstr(verdict.failure.data, name);
}

static void wrong_options_are_refused_by_name(void) {
    gavel_verdict verdict = {0};
    EXPECT(check_options(&verdict, TEXT(" { \"mode\" : \"}\\\",\" , \"count\" : -5 } ")) == GAVEL_OK);
    EXPECT(refuses("{}", "`count` is missing"));
    EXPECT(refuses("{\"count\": -6}", "`count` is -6; it must be at least -5"));
    EXPECT(refuses("{\"count\": 2.5}", "`count` is 2.5"));
    EXPECT(refuses("{\"count\": 9223372036854775808}", "`count` is 9223372036854775808"));
    EXPECT(refuses("{\"count\": null}", "`count` is null"));
    EXPECT(refuses("{\"count\": 1, \"mode\": [\"a\"]}", "`mode` is [\"a\"]; it must be of the type string"));
    EXPECT(refuses("{\"count\": 1, \"\\u006dood\": 1}", "`mood` is not an option; there are `count`, `mode`"));
}

static void members_are_found(void) {
    gavel_text value, object = TEXT("{\"a\": {\"b\": [1, \"}\"]}, \"c\\u0064\": \"x\", \"e\": 1, \"e\": 2}");
    EXPECT(gavel_json_member(object, "a", &value) && gavel_same(value, TEXT("{\"b\": [1, \"}\"]}")));
    EXPECT(gavel_json_member(value, "b", &value) && gavel_same(value, TEXT("[1, \"}\"]")));
    EXPECT(gavel_json_member(object, "cd", &value) && gavel_same(value, TEXT("\"x\"")));
    EXPECT(gavel_json_member(object, "e", &value) && gavel_same(value, TEXT("2")));
    EXPECT(!gavel_json_member(object, "b", &value));
}

// A policy may write anything: every start of an object, and the object with every byte replaced.
static void text_that_is_no_json_does_no_harm(void) {
    static const char OBJECT[] = "{\"a\\ud83c\\udf89\": [1, {\"b\": \"\\\\\"}], \"c\": -1e3}";
    gavel_text value, decoded;
    double number;
    for (size_t size = 0; size < sizeof OBJECT; size++) {
        for (int byte = 0; byte < 128; byte++) {
            gavel_text text = literal(OBJECT, size);
            if (size) ((char *)text.data)[size - 1] = (char)byte;
            if (gavel_json_member(text, "c", &value)) (void)gavel_json_number(value, &number);
            (void)gavel_json_string(text, &decoded);
            gavel_text whole = TEXT(OBJECT);
            if (size) ((char *)whole.data)[size - 1] = (char)byte;
            if (gavel_json_member(whole, "c", &value)) (void)gavel_json_number(value, &number);
        }
    }
}

static void an_excerpt_is_one_safe_line(void) {
    EXPECT(gavel_same(gavel_excerpt(TEXT("a\nb\x1b[31m\xc2\x9b\x7f")), TEXT("a b [31m  ")));
    EXPECT(gavel_excerpt(TEXT("")).data);
    char accents[201];
    for (int index = 0; index < 200; index++) accents[index] = index % 2 ? '\xa9' : '\xc3';
    gavel_text shown = gavel_excerpt(literal(accents, 200));
    EXPECT(gavel_same(shown, literal(accents, 160)));
}

static void the_schema_is_json(void) {
    gavel_text properties, mode = TEXT(""), help, decoded;
    EXPECT(gavel_json_member(schema(), "properties", &properties) && gavel_json_member(properties, "mode", &mode));
    EXPECT(gavel_json_member(mode, "description", &help) && gavel_same(help, TEXT("\"Two\\u000alines.\"")));
    EXPECT(gavel_json_string(help, &decoded) && gavel_same(decoded, TEXT("Two\nlines.")));
}

static void a_message_is_any_text(void) {
    gavel_verdict verdict = {0};
    EXPECT(gavel_fail_text(&verdict, GAVEL_ABSTAIN, TEXT("a\0b")) == GAVEL_ABSTAIN);
    EXPECT(gavel_same(text_of(&verdict.failure), TEXT("a\0b")));
}

// What comes of an empty submission.
static bool judges(gavel_text *message) {
    exports_gavel_verifier_verifier_submission_t submission = {0};
    plugin_string_t options = handed_over(TEXT("{\"count\": 1}"));
    wire_verdict said = {0};
    wire_error failed = {0};
    bool judged = exports_gavel_verifier_verifier_verify(&submission, &options, &said, &failed);
    *message = judged ? TEXT("") : read(failed.val.internal_error);
    return judged && said.reward == 0.5;
}

static void a_verdict_has_a_reward(void) {
    gavel_text message;
    EXPECT(judges(&message));
    gives_reward = false;
    EXPECT(!judges(&message));
    EXPECT(gavel_same(message, TEXT("gavel_verify returned GAVEL_OK without a reward: call gavel_reward")));
    returned = (gavel_result)7;
    EXPECT(!judges(&message) && gavel_same(message, TEXT("gavel_verify returned 7, which is no gavel_result")));
    returned = GAVEL_OK, gives_reward = true;
}

// A limit of an option that nobody would look at is told to every submission.
static void a_misdeclared_option_is_said(void) {
    static const char *const CHOICES[] = {"a", NULL};
    const struct {
        gavel_option option;
        gavel_text message;
    } wrong[] = {
        {{.name = "mode", .type = GAVEL_STRING, .fallback = "\"a\"", .bounds = GAVEL_AT_LEAST(1)},
         TEXT("`.bounds` limits numbers, and the option `mode` is none")},
        {{.name = "mode", .type = GAVEL_NUMBER, .fallback = "1", .choices = CHOICES},
         TEXT("`.choices` limits strings, and the option `mode` is none")},
        {{.name = "mode", .type = GAVEL_STRING, .fallback = "\"b\"", .choices = CHOICES},
         TEXT("the fallback of an option: `mode` is \"b\"; it must be one of `a`")},
        {{.name = "mode", .type = GAVEL_INTEGER, .fallback = "few"},
         TEXT("the fallback of an option: `mode` is few; it must be of the type integer")},
        {{.name = "mode", .type = GAVEL_NUMBER, .fallback = "2", .bounds = GAVEL_BETWEEN(0, 1)},
         TEXT("the fallback of an option: `mode` is 2; it must be at least 0 and at most 1")},
    };
    gavel_option right = OPTIONS[1];
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        gavel_text message;
        OPTIONS[1] = wrong[index].option;
        EXPECT(!judges(&message) && gavel_same(message, wrong[index].message));
    }
    OPTIONS[1] = right;
}

int main(void) {
    a_misdeclared_option_is_said();
    a_verdict_has_a_reward();
    strings_are_decoded();
    half_a_pair_is_no_character();
    what_is_no_string_is_not_decoded();
    numbers_are_read();
    integers_are_exact();
    wrong_options_are_refused_by_name();
    members_are_found();
    text_that_is_no_json_does_no_harm();
    an_excerpt_is_one_safe_line();
    the_schema_is_json();
    a_message_is_any_text();
    return failures ? 1 : 0;
}
