//! What is wrong with the value of a setting, in the words of a settings file rather than of the types behind it.

use gavel_files::{closest, did_you_mean};

/// Values that other trainers have for a setting, and what means the same here.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    (
        "loss_type",
        &["gspo", "gspo_token"],
        "GSPO is `importance_sampling_level = \"sequence\"`, with any of them",
    ),
    (
        "loss_type",
        &["ppo", "vanilla", "clip"],
        "each of them clips as PPO does; they differ in what they divide by",
    ),
    ("adv_estimator", &["ppo"], "PPO, with a value model, is `gae`"),
    ("adv_estimator", &["gdpo"], "GDPO is `multi_objective_aggregation = \"normalize_then_sum\"`"),
    ("adv_estimator", &["dr_grpo"], "Dr. GRPO is `loss_type = \"dr_grpo\"` with `scale_rewards = \"none\"`"),
    ("surrogate", &["gspo"], "GSPO is `importance_sampling_level = \"sequence\"`, with `clip`"),
    ("surrogate", &["vanilla", "ppo"], "PPO's is `clip`"),
    ("kl_estimator", &["kl"], "verl's `kl` is `k1`"),
    ("kl_estimator", &["mse"], "verl's `mse` is `k2`"),
    ("kl_estimator", &["low_var_kl"], "verl's `low_var_kl` is `k3`"),
];

/// Numbers that mean "all" or "none" elsewhere.
const WITHOUT_BOUND: &[(&str, &str)] = &[
    ("top_k", "0 takes all tokens"),
    ("eval_top_k", "0 takes all tokens"),
    ("save_total_limit", "left out, all checkpoints stay"),
    ("eval_limit", "left out, all tasks are evaluated on"),
    ("eval_steps", "left out, only the last step is followed by an evaluation"),
    ("max_num_seqs", "left out, a whole rollout is sampled at a time"),
];

/// What the parser says of a value of this setting, so that whoever wrote it knows what to write.
pub(super) fn explained(field: &str, message: &str) -> String {
    let message = message.trim_end();
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        return format!("{message}{}", instead(field, rest));
    }
    if field == "chat_date" {
        return format!("must be a day, such as \"2026-11-30\" ({message})");
    }
    let wrong = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = wrong.and_then(|wrong| wrong.split_once(", expected ")) else {
        return message.to_owned();
    };
    // "integer `1`", "floating point `0.5`", "string \"x\"".
    let value = |quote| found.find(quote).map(|start| found[start..].trim_matches('`'));
    let found = value('"').or_else(|| value('`')).unwrap_or(found);
    let wanted = match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number that is not negative",
        "isize" | "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" | "bool" => "true or false",
        "a sequence" if found.starts_with('"') => return format!("must be a list, such as [{found}]"),
        "a sequence" => "a list",
        "a string" => "a text, in quotes",
        _ => return message.to_owned(),
    };
    let without = WITHOUT_BOUND.iter().find(|(of, _)| *of == field && found.starts_with('-'));
    let without = without.map(|(_, how)| format!("; {how}")).unwrap_or_default();
    format!("must be {wanted}, found {found}{without}")
}

/// What to write in place of a word that a setting does not have; `rest` is what the parser says from the word on.
fn instead(field: &str, rest: &str) -> String {
    let Some((word, expected)) = rest.split_once('`') else { return String::new() };
    let same = |(of, words, _): &&(&str, &[&str], &str)| *of == field && words.contains(&word);
    if let Some((_, _, here)) = ELSEWHERE.iter().find(same) {
        return format!("; {here}");
    }
    // The words that there are stand between backticks.
    did_you_mean(closest(word, expected.split('`').skip(1).step_by(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_trainers_call_otherwise_is_known() {
        let said = "unknown variant `gspo`, expected one of `grpo`, `dr_grpo`";
        let expected =
            format!("{said}; GSPO is `importance_sampling_level = \"sequence\"`, with any of them");
        assert_eq!(explained("loss_type", said), expected);
        let said = "unknown variant `cosin`, expected one of `constant`, `linear`, `cosine`";
        assert_eq!(explained("lr_scheduler_type", said), format!("{said} (did you mean `cosine`?)"));
        let said = "unknown variant `x`, expected `never` or `between-steps`";
        assert_eq!(explained("reload", said), said);
    }

    #[test]
    fn types_are_said_as_what_to_write() {
        for (field, said, expected) in [
            (
                "top_k",
                "invalid value: integer `-1`, expected usize",
                "must be a whole number that is not negative, found -1; 0 takes all tokens",
            ),
            (
                "seed",
                "invalid value: integer `-1`, expected u64",
                "must be a whole number that is not negative, found -1",
            ),
            ("stop", "invalid type: string \"x\", expected a sequence", "must be a list, such as [\"x\"]"),
            ("beta", "invalid type: string \"x\", expected f64", "must be a number, found \"x\""),
            (
                "save_steps",
                "invalid type: floating point `0.5`, expected usize",
                "must be a whole number that is not negative, found 0.5",
            ),
            ("bf16", "invalid type: integer `1`, expected a boolean", "must be true or false, found 1"),
            (
                "chat_date",
                "input contains invalid characters",
                "must be a day, such as \"2026-11-30\" (input contains invalid characters)",
            ),
            ("tasks", "data did not match any variant", "data did not match any variant"),
        ] {
            assert_eq!(explained(field, said), expected);
        }
    }
}
