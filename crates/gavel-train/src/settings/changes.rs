//! Which settings a run may be resumed with other values of.

use serde::Serialize;
use toml::{Table, Value};

use super::Settings;

/// Settings that decide how long a run is, what it records and evaluates, and where things lie, but not what it learns
/// step by step. Files are compared by their digests, wherever they lie.
const MAY_CHANGE: [&str; 32] = [
    "model",
    "tasks",
    "eval_tasks",
    "reward",
    "reload",
    "output_dir",
    "device",
    "max_num_seqs",
    "max_tokens_per_micro_batch",
    "ddp_timeout",
    "zero_stage",
    "gradient_checkpointing",
    "skip_nonfinite_updates",
    "max_steps",
    "num_train_epochs",
    "logging_steps",
    "log_completions",
    "log_completions_max_bytes",
    "save_steps",
    "save_total_limit",
    "save_dtype",
    "eval_steps",
    "eval_on_start",
    "num_generations_eval",
    "eval_temperature",
    "eval_top_p",
    "eval_top_k",
    "eval_min_p",
    "eval_limit",
    "eval_correct",
    "per_device_eval_batch_size",
    "watch",
];

/// How a batch is split is a matter of memory and speed, as long as the whole stays the same.
const BATCHES: [&str; 5] = [
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "steps_per_generation",
    "generation_batch_size",
    "num_processes",
];

/// One setting that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) field: String,
    /// As TOML; `unset` where there is no value.
    pub(crate) before: String,
    /// As TOML; `unset` where there is no value.
    pub(crate) now: String,
    /// Whether a run may go on with it.
    #[serde(skip)]
    pub(crate) allowed: bool,
}

/// The settings that are not the same in both, in their order.
pub(crate) fn changes(before: &Settings, now: &Settings) -> Vec<Change> {
    let table = |settings: &Settings| {
        Table::try_from(settings).expect("settings are numbers, strings and lists of strings")
    };
    let (old, new) = (table(before), table(now));
    let same_batches = before.optimizer_batch_size() == now.optimizer_batch_size()
        && before.rollout_size() == now.rollout_size();
    let added = new.keys().filter(|field| !old.contains_key(*field));
    let differing = old.keys().chain(added).filter(|field| old.get(*field) != new.get(*field));
    let change = |field: &String| Change {
        field: field.clone(),
        before: shown(old.get(field)),
        now: shown(new.get(field)),
        allowed: if BATCHES.contains(&field.as_str()) {
            same_batches
        } else {
            // What is read neither then nor now has nothing to say of what is learnt.
            MAY_CHANGE.contains(&field.as_str()) || (before.is_unread(field) && now.is_unread(field))
        },
    };
    differing.map(change).collect()
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "unset".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::grpo::LossType;

    fn refused(before: &Settings, now: &Settings) -> Vec<String> {
        changes(before, now).into_iter().filter(|change| !change.allowed).map(|change| change.field).collect()
    }

    #[test]
    fn every_name_is_that_of_a_setting() {
        // Optional settings that are unset are not in the table, so they are set here.
        let settings = Settings {
            eval_tasks: Some(Path::new("a").into()),
            reward: Some("a".into()),
            max_num_seqs: Some(1),
            save_total_limit: Some(1),
            eval_steps: Some(1),
            eval_limit: Some(1),
            eval_correct: Some("a".to_owned()),
            watch: Some(crate::watch::WatchOptions::default()),
            steps_per_generation: Some(1),
            generation_batch_size: Some(1),
            num_processes: Some(1),
            ..Settings::default()
        };
        let table = Table::try_from(&settings).unwrap();
        for field in MAY_CHANGE.iter().chain(&BATCHES) {
            assert!(table.contains_key(*field), "{field}");
        }
    }

    #[test]
    fn what_a_run_learns_may_not_change_and_how_long_it_is_may() {
        let before = Settings { per_device_train_batch_size: 32, ..Settings::default() };
        let longer = Settings { max_steps: 7, save_steps: 1, eval_limit: Some(3), ..before.clone() };
        assert_eq!(refused(&before, &longer), Vec::<String>::new());
        let found: Vec<_> =
            changes(&before, &longer).into_iter().map(|change| (change.field, change.now)).collect();
        let expected = [("max_steps", "7"), ("save_steps", "1"), ("eval_limit", "3")];
        assert_eq!(found, expected.map(|(field, now)| (field.to_owned(), now.to_owned())));
        let unread = Settings { gamma: 0.9, ..before.clone() };
        assert_eq!(
            refused(&unread, &before),
            Vec::<String>::new(),
            "a version that passed it over may have begun"
        );
        let other = Settings { seed: 1, loss_type: LossType::Grpo, ..before.clone() };
        assert_eq!(refused(&before, &other), ["loss_type", "seed"]);
    }

    #[test]
    fn a_batch_may_be_split_in_another_way() {
        let before = Settings { per_device_train_batch_size: 32, ..Settings::default() };
        let split =
            Settings { per_device_train_batch_size: 4, gradient_accumulation_steps: 8, ..before.clone() };
        assert_eq!(refused(&before, &split), Vec::<String>::new());
        let among_processes =
            Settings { per_device_train_batch_size: 8, num_processes: Some(4), ..before.clone() };
        assert_eq!(refused(&before, &among_processes), Vec::<String>::new());
        let more = Settings { num_processes: Some(4), ..before.clone() };
        assert_eq!(refused(&before, &more), ["num_processes"]);
        let smaller = Settings { per_device_train_batch_size: 16, ..before.clone() };
        assert_eq!(refused(&before, &smaller), ["per_device_train_batch_size"]);
    }
}
