// Write a gavel reward plugin in C++: a function of a submission and its options, and GAVEL_PLUGIN.
//
//     #include "gavel.hpp"
//
//     gavel::result verify(const gavel::submission &submission, const gavel::options &) {
//         if (!submission.reference) return gavel::invalid_task("no reference");
//         return gavel::right_if(submission.completion == *submission.reference);
//     }
//
//     GAVEL_PLUGIN(.name = "exact-match", .version = "0.1.0", .summary = "The completion is the reference.");
//     GAVEL_VERIFY(verify)
//
// The words are those of gavel.h, which is included. Exceptions are off: what cannot be judged is returned.

#ifndef GAVEL_HPP
#define GAVEL_HPP

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gavel.h"

namespace gavel {

inline std::string_view view(gavel_text text) { return {text.data, text.size}; }

inline gavel_text text(std::string_view view) { return {view.data(), view.size()}; }

// One completion of one task. The texts are UTF-8.
struct submission {
    std::string_view prompt;                    // as the policy saw it, or the last user message of a chat
    std::string_view completion;                // what the policy wrote
    std::optional<std::string_view> reference;  // the ground truth, when the task has one
    std::string_view metadata;                  // a JSON object: the task's other columns

    // A column of the metadata that is a string.
    std::optional<std::string_view> column(const char *name) const {
        gavel_text json, decoded;
        if (!gavel_json_member(text(metadata), name, &json) || !gavel_json_string(json, &decoded)) return std::nullopt;
        return view(decoded);
    }

    // A column of the metadata that is a number.
    std::optional<double> number(const char *name) const {
        gavel_text json;
        double value;
        if (!gavel_json_member(text(metadata), name, &json) || !gavel_json_number(json, &value)) return std::nullopt;
        return value;
    }
};

// The options of the reward file, checked against what the plugin declares. Asking for another name or type traps.
class options {
public:
    explicit options(const gavel_options *options) : options_(options) {}
    bool boolean(const char *name) const { return gavel_option_boolean(options_, name); }
    std::int64_t integer(const char *name) const { return gavel_option_integer(options_, name); }
    double number(const char *name) const { return gavel_option_number(options_, name); }
    std::string_view string(const char *name) const { return view(gavel_option_string(options_, name)); }

private:
    const gavel_options *options_;
};

// What a submission is worth.
struct verdict {
    // Finite; by custom 0 is wrong and 1 is right. Where nothing is given, it is no number, and the verdict is refused.
    double reward = std::numeric_limits<double>::quiet_NaN();
    std::optional<std::string> reason = std::nullopt;     // one line for a person
    std::vector<std::pair<const char *, double>> metrics = {};  // each of the plugin's metrics once

    verdict &&because(std::string why) && {
        reason = std::move(why);
        return std::move(*this);
    }
    verdict &&metric(const char *name, double value) && {
        metrics.emplace_back(name, value);
        return std::move(*this);
    }
};

// Why there is no verdict. A wrong answer is no error: it is a verdict with a low reward.
struct error {
    gavel_result why;
    std::string message;
};

using result = std::variant<verdict, error>;

// A reward of 1 where `right`, else of 0.
inline verdict right_if(bool right) { return {right ? 1.0 : 0.0}; }

// The options make no sense together. Check them before you look at the submission.
inline error invalid_options(std::string message) { return {GAVEL_INVALID_OPTIONS, std::move(message)}; }
// The reference or the metadata is not what this verifier needs.
inline error invalid_task(std::string message) { return {GAVEL_INVALID_TASK, std::move(message)}; }
// The verifier cannot judge this submission; leave it out.
inline error abstain(std::string message) { return {GAVEL_ABSTAIN, std::move(message)}; }
// The verifier failed.
inline error internal_error(std::string message) { return {GAVEL_INTERNAL_ERROR, std::move(message)}; }

// A text as one line of at most 80 characters, nothing that a terminal would obey: for reasons.
inline std::string excerpt(std::string_view quoted) { return std::string(view(gavel_excerpt(text(quoted)))); }

// A submission as C hands it over.
inline submission given_by(const gavel_submission &given) {
    submission one{view(given.prompt), view(given.completion), std::nullopt, view(given.metadata)};
    if (given.reference.data) one.reference = view(given.reference);
    return one;
}

// Hands what a C++ verifier says over to C.
inline gavel_result hand_over(const result &said, gavel_verdict *to) {
    if (const error *failed = std::get_if<error>(&said)) {
        return gavel_fail_text(to, failed->why, text(failed->message));
    }
    const verdict &judged = std::get<verdict>(said);
    gavel_reward(to, judged.reward);
    if (judged.reason) gavel_reason_text(to, text(*judged.reason));
    for (const auto &[name, value] : judged.metrics) gavel_metric(to, name, value);
    return GAVEL_OK;
}

inline gavel_result judge(result (*verify)(const submission &, const options &), const gavel_submission *given,
                          const gavel_options *with, gavel_verdict *to) {
    return hand_over(verify(given_by(*given), options(with)), to);
}

// What a verifier of groups returns: for each completion, in their order, a verdict or why it has none; or why none has one.
using group_result = std::variant<std::vector<result>, error>;

inline gavel_result judge_group(group_result (*verify)(const std::vector<submission> &, const options &),
                                const gavel_submission *given, std::size_t count, const gavel_options *with,
                                gavel_verdict *const *to) {
    std::vector<submission> group;
    for (std::size_t index = 0; index < count; index++) group.push_back(given_by(given[index]));
    group_result said = verify(group, options(with));
    if (const error *failed = std::get_if<error>(&said)) {
        return gavel_fail_text(to[0], failed->why, text(failed->message));
    }
    const std::vector<result> &results = std::get<std::vector<result>>(said);
    if (results.size() != count) {
        return gavel_fail(to[0], GAVEL_INTERNAL_ERROR, "%zu verdicts for a group of %zu", results.size(), count);
    }
    for (std::size_t index = 0; index < count; index++) hand_over(results[index], to[index]);
    return GAVEL_OK;
}

}  // namespace gavel

// Makes a function the plugin's verifier.
#define GAVEL_VERIFY(function)                                                                                    \
    extern "C" gavel_result gavel_verify(const gavel_submission *submission, const gavel_options *options,        \
                                         gavel_verdict *verdict) {                                                \
        return gavel::judge(function, submission, options, verdict);                                              \
    }

// Makes a function the verifier of a plugin that judges groups, which GAVEL_GROUP_PLUGIN describes.
#define GAVEL_VERIFY_GROUP(function)                                                                              \
    extern "C" gavel_result gavel_verify_group(const gavel_submission *submissions, std::size_t count,            \
                                               const gavel_options *options, gavel_verdict *const *verdicts) {    \
        return gavel::judge_group(function, submissions, count, options, verdicts);                               \
    }

#endif
