// Says of each completion of a prompt how many are the same.

#include <algorithm>

#include "gavel.hpp"

static gavel::group_result verify(const std::vector<gavel::submission> &group, const gavel::options &options) {
    std::vector<gavel::result> results;
    for (const gavel::submission &submission : group) {
        if (submission.completion == "all") return gavel::invalid_task("told by one");
    }
    for (std::size_t place = 0; place < group.size(); place++) {
        const gavel::submission &submission = group[place];
        if (submission.completion == "lose") continue;
        if (submission.completion == "abstain") {
            results.push_back(gavel::abstain("told by " + std::to_string(place + 1)));
            continue;
        }
        auto same = static_cast<double>(std::count_if(group.begin(), group.end(), [&](const gavel::submission &other) {
            return other.completion == submission.completion;
        }));
        auto size = static_cast<double>(group.size());
        std::string reason = "[" + std::string(submission.prompt) + "][" +
                             std::string(submission.reference.value_or("<none>")) + "][" +
                             std::string(options.string("tag")) + "] " + std::to_string(place + 1) + " of " +
                             std::to_string(group.size());
        results.push_back(gavel::verdict{same / size}.because(reason).metric("same", same).metric("size", size));
    }
    return results;
}

static const gavel_option OPTIONS[] = {{.name = "tag", .type = GAVEL_STRING, .fallback = "\"\""}, {}};
static const char *const METRICS[] = {"same", "size", nullptr};

GAVEL_GROUP_PLUGIN(.name = "group", .version = "0.1.0",
                   .summary = "Says of each completion of a prompt how many are the same.", .options = OPTIONS,
                   .metrics = METRICS);
GAVEL_VERIFY_GROUP(verify)
