//! What every verdict says, whichever form is asked for: a formula may use any metric under any options.

use gavel_plugin::Verdict;

/// The metrics; those of a form that is not asked for are 0.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Metrics {
    pub(crate) think_once: bool,
    pub(crate) answer_once: bool,
    /// A share, from 0 to 1.
    pub(crate) blocks_once: f64,
    pub(crate) ordered: bool,
    pub(crate) nothing_outside: bool,
    pub(crate) not_empty: bool,
    pub(crate) regex_match: bool,
    pub(crate) fence_found: bool,
    pub(crate) fence_once: bool,
    pub(crate) json_valid: bool,
    /// A share, from 0 to 1.
    pub(crate) json_keys: f64,
}

impl Metrics {
    /// Their names, in the order in which a verdict has them.
    pub(crate) const NAMES: &[&str] = &[
        "think_once",
        "answer_once",
        "blocks_once",
        "ordered",
        "nothing_outside",
        "not_empty",
        "regex_match",
        "fence_found",
        "fence_once",
        "json_valid",
        "json_keys",
    ];

    /// The verdict, right unless something is `broken`.
    pub(crate) fn verdict(self, broken: Option<String>, kept: &str) -> Verdict {
        Verdict::right_if(broken.is_none())
            .because(broken.unwrap_or_else(|| kept.to_owned()))
            .metric("think_once", self.think_once)
            .metric("answer_once", self.answer_once)
            .metric("blocks_once", self.blocks_once)
            .metric("ordered", self.ordered)
            .metric("nothing_outside", self.nothing_outside)
            .metric("not_empty", self.not_empty)
            .metric("regex_match", self.regex_match)
            .metric("fence_found", self.fence_found)
            .metric("fence_once", self.fence_once)
            .metric("json_valid", self.json_valid)
            .metric("json_keys", self.json_keys)
    }
}
