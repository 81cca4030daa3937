// Gives no verdict, for each reason that there is.

#include "gavel.hpp"

static gavel::result verify(const gavel::submission &submission, const gavel::options &) {
    std::string told = "told: " + std::string(submission.reference.value_or("nothing"));
    if (submission.completion == "invalid-task") return gavel::invalid_task(told);
    if (submission.completion == "abstain") return gavel::abstain(told);
    if (submission.completion == "internal-error") return gavel::internal_error(told);
    if (submission.completion == "invalid-options") return gavel::invalid_options(told);
    if (submission.completion == "column") {
        std::optional<double> level = submission.number("level");
        if (!level) return gavel::invalid_task("the column `level` is missing");
        return gavel::verdict{*level};
    }
    return gavel::verdict{0.25};
}

GAVEL_PLUGIN(.name = "errors", .version = "0.1.0", .summary = "Gives no verdict, for each reason that there is.");
GAVEL_VERIFY(verify)
