// Says what it was given.

#include <numeric>

#include "gavel.hpp"

static std::string shown(std::optional<std::string_view> text) {
    return text ? "[" + std::string(*text) + "]" : "<none>";
}

static gavel::result verify(const gavel::submission &submission, const gavel::options &options) {
    std::string all = shown(submission.prompt) + shown(submission.completion) + shown(submission.reference) +
                      shown(submission.column("note")) + shown(options.string("tag"));
    double sum = std::accumulate(submission.completion.begin(), submission.completion.end(), 0.0,
                                 [](double sum, unsigned char byte) { return sum + byte; });
    double reference = submission.reference ? static_cast<double>(submission.reference->size()) : -1;
    return gavel::verdict{1}
        .because(all.size() <= 1100 ? all : "large")
        .metric("prompt_bytes", static_cast<double>(submission.prompt.size()))
        .metric("completion_bytes", static_cast<double>(submission.completion.size()))
        .metric("completion_sum", sum)
        .metric("reference_bytes", reference);
}

static const gavel_option OPTIONS[] = {{.name = "tag", .type = GAVEL_STRING, .fallback = "\"\""}, {}};
static const char *const METRICS[] = {"prompt_bytes", "completion_bytes", "completion_sum", "reference_bytes", nullptr};

GAVEL_PLUGIN(.name = "echo", .version = "0.1.0", .summary = "Says what it was given.", .options = OPTIONS,
             .metrics = METRICS);
GAVEL_VERIFY(verify)
